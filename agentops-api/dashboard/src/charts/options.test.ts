import { expect, test, vi } from "vitest";

// It asks the browser for its screen as soon as it is imported.
vi.mock("uplot", () => ({ default: {} }));
const { bucketsIn, isolated } = await import("./options");

test("a value that has none beside it stands alone", () => {
  expect(isolated([1, null, 2, 3, null, null, 4])).toEqual([0, 6]);
  expect(isolated([null, 0, null])).toEqual([1]);
  expect(isolated([5])).toEqual([0]);
  expect(isolated([1, 2])).toEqual([]);
  expect(isolated([null, undefined])).toEqual([]);
});

test("dragging over bars means those whose middle it covers, and between two of them the nearest one", () => {
  const times = [100, 200, 300, 400];
  expect(bucketsIn(times, 150, 250)).toEqual([1, 1]);
  expect(bucketsIn(times, 199, 301)).toEqual([1, 2]);
  expect(bucketsIn(times, 0, 900)).toEqual([0, 3]);
  expect(bucketsIn(times, 210, 240)).toEqual([1, 1]);
  expect(bucketsIn(times, 260, 290)).toEqual([2, 2]);
  expect(bucketsIn(times, 20, 60)).toEqual([0, 0]);
  expect(bucketsIn(times, 420, 450)).toEqual([3, 3]);
});
