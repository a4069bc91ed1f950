import { expect, test, vi } from "vitest";

// It asks the browser for its screen as soon as it is imported.
vi.mock("uplot", () => ({ default: {} }));
const { bucketsIn, DURATION_STEPS, isolated, plain, tickTimes } = await import("./options");
const { dayOf, hourOf, shortTime } = await import("../ui/time");
const { seconds } = await import("../ui/numbers");

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

test("the first hour of an axis is told, and a day without its hour is its midnight", () => {
  const at = (day: number, hour: number) => new Date(2026, 10, day, hour).getTime() / 1_000;
  const ticks = [at(27, 20), at(27, 22), at(28, 0), at(28, 2)];
  expect(tickTimes(ticks)).toEqual([
    shortTime(at(27, 20) * 1_000),
    hourOf(at(27, 22) * 1_000),
    dayOf(at(28, 0) * 1_000),
    hourOf(at(28, 2) * 1_000),
  ]);
  expect(tickTimes([at(27, 22), at(28, 2)])[1]).toBe(shortTime(at(28, 2) * 1_000));
  expect(tickTimes([at(27, 0), at(28, 0)])).toEqual([dayOf(at(27, 0) * 1_000), dayOf(at(28, 0) * 1_000)]);
});

test("an axis names round figures, durations in their own unit", () => {
  expect(["5.0 %", "0.200", "0.25", "1.50 s", "10 min", "1,200", "0.00"].map(plain)).toEqual([
    "5 %",
    "0.2",
    "0.25",
    "1.5 s",
    "10 min",
    "1,200",
    "0",
  ]);
  const numbers = DURATION_STEPS.map((step) => plain(seconds(step)).replace(/[^\d.]/g, ""));
  expect(numbers.filter((number) => !/^[0.]*[12356]0*$/.test(number))).toEqual([]);
  expect(DURATION_STEPS).toEqual(DURATION_STEPS.toSorted((a, b) => a - b));
});
