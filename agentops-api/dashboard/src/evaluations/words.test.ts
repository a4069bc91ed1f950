import { expect, test } from "vitest";
import { soughtOf } from "./words";

test("what is typed is looked for as it stands", () => {
  for (const text of ["norway", "clause 7, please!", "日本語 iPhone手機", "नमस्ते", "a_b"]) {
    expect(soughtOf(text)).toEqual({ q: text, fault: null, note: null });
  }
  expect(soughtOf(undefined).q).toBeUndefined();
});

test("of a sentence, the first ten words are looked for, and that is said", () => {
  const { q, fault, note } = soughtOf("One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve.");
  expect(q).toBe("One, two, three, four, five, six, seven, eight, nine, ten");
  expect(fault).toBeNull();
  expect(note).toContain("first ten words");
  // What is said twice is one word.
  expect(soughtOf("a b c d e f g h i j A b").note).toBeNull();
});

test("without a word nothing is looked for, and that is said", () => {
  for (const text of ["%", " … ", "?!"]) {
    expect(soughtOf(text).q).toBeUndefined();
    expect(soughtOf(text).fault).toContain("no word");
  }
});
