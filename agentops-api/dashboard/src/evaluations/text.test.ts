import { expect, test } from "vitest";
import { isBlank, nameOf } from "./text";

test("what nobody would see is named", () => {
  for (const text of ["", " \n\t", "\u00a0\u3000", "\u200b\u2060\ufeff", "\u0007\u00ad"]) {
    expect(isBlank(text)).toBe(true);
    expect(nameOf(text)).toBe("(empty)");
  }
});

test("all else is itself, cut where it is long", () => {
  expect(nameOf(" . ")).toBe(" . ");
  expect(nameOf("مرحبا")).toBe("مرحبا");
  expect(nameOf("x".repeat(300))).toHaveLength(200);
  expect(nameOf("abc", 2)).toBe("ab");
});
