import { expect, test } from "vitest";
import { fromFound, partsOf, soughtOf } from "./words";

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

const marked = (text: string, q: string | undefined) =>
  partsOf(text, q)
    .map((part) => (part.isFound ? `[${part.text}]` : part.text))
    .join("");

test("whole words are marked, in any case and form", () => {
  expect(marked("Clause 7, subclause 77: the CLAUSE.", "clause 7")).toBe("[Clause] [7], subclause 77: the [CLAUSE].");
  expect(marked("Cafe\u0301 au lait", "café")).toBe("[Cafe\u0301] au lait");
  expect(marked("ΟΔΟΣ, οδος", "οδός οδοσ")).toBe("[ΟΔΟΣ], [οδος]");
  expect(marked("a_b a b", "a_b")).toBe("[a_b] a b");
});

test("parts of what is written without spaces are marked, and what overlaps once", () => {
  expect(marked("日本語の文章、日本", "日本")).toBe("[日本]語の文章、[日本]");
  expect(marked("日本語", "日本 本語")).toBe("[日本][語]");
  expect(marked("iPhone手機", "手")).toBe("iPhone[手]機");
});

test("without words, and in a text that has none of them, nothing is marked", () => {
  for (const q of [undefined, "", "%", "other"])
    expect(partsOf("a text", q)).toEqual([{ text: "a text", isFound: false }]);
  expect(partsOf("", "a")).toEqual([]);
});

test("a text that has the word late is shown from shortly before it", () => {
  const text = `${"word ".repeat(40)}needle and more`;
  expect(fromFound(text, "needle")).toMatch(/^… (word )+needle and more$/);
  expect(fromFound(text, "needle").length).toBeLessThan(60);
  expect(fromFound(`${"x".repeat(200)}、日本 and more`, "日本").length).toBeLessThan(60);
  expect(fromFound("a needle", "needle")).toBe("a needle");
  expect(fromFound(text, "nothing")).toBe(text);
});
