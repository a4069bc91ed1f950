import { expect, test, vi } from "vitest";

// It asks the browser for its screen as soon as it is imported.
vi.mock("uplot", () => ({ default: {} }));
const { isolated } = await import("./options");

test("a value that has none beside it stands alone", () => {
  expect(isolated([1, null, 2, 3, null, null, 4])).toEqual([0, 6]);
  expect(isolated([null, 0, null])).toEqual([1]);
  expect(isolated([5])).toEqual([0]);
  expect(isolated([1, 2])).toEqual([]);
  expect(isolated([null, undefined])).toEqual([]);
});
