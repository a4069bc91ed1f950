import { expect, test } from "vitest";
import { type Claim, cutAt, stretchesOf } from "./claims";

function claim(start: number, end: number): Claim {
  return { text: "", start, end, label: "supported", probability: 0.9, evidence: null, reasons: [] };
}

test("an answer is cut at its claims and loses nothing", () => {
  const text = "Paris is the capital. It has 9 million people.";
  const stretches = stretchesOf(text, [claim(22, 46), claim(0, 21)]);
  expect(stretches).toEqual([
    { text: "Paris is the capital.", claim: 1 },
    { text: " ", claim: null },
    { text: "It has 9 million people.", claim: 0 },
  ]);
});

test("positions count characters, not halves of them", () => {
  const stretches = stretchesOf("👍🏽 ja. Nein.", [claim(0, 6), claim(7, 12)]);
  expect(stretches.map((each) => each.text).join("")).toBe("👍🏽 ja. Nein.");
  expect(stretches.at(-1)).toEqual({ text: "Nein.", claim: 1 });
});

test("a text is cut into three, and loses nothing where the positions lie outside", () => {
  expect(cutAt("👍🏽 ja. Nein.", 3, 6)).toEqual(["👍🏽 ", "ja.", " Nein."]);
  expect(cutAt("abc", 0, 0)).toEqual(["", "", "abc"]);
  expect(cutAt("abc", 2, 99)).toEqual(["ab", "c", ""]);
  expect(cutAt("abc", 7, 5)).toEqual(["abc", "", ""]);
});

test("claims that overlap, are empty or lie outside are left out", () => {
  const stretches = stretchesOf("abcdef", [claim(0, 3), claim(2, 4), claim(4, 4), claim(5, 99)]);
  expect(stretches).toEqual([
    { text: "abc", claim: 0 },
    { text: "def", claim: null },
  ]);
});
