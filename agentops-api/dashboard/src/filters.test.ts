import { expect, test } from "vitest";
import { DAY, evenly, HOUR, intervalOf, periodBefore, periodOf, searchOf, zoomOf } from "./filters";

const NOW = Date.parse("2026-11-24T13:20:00Z");
const hours = (start: string, end: string) => (Date.parse(end) - Date.parse(start)) / HOUR;

test("an address keeps what can be understood and drops the rest", () => {
  expect(searchOf({ days: "30", agent: "a b", verdict: "hallucinated", min: "0.5" })).toEqual({
    days: "30",
    agent: "a b",
    verdict: "hallucinated",
    min: "0.5",
  });
  expect(searchOf({ days: "7", verdict: "x", min: "2", project: "../..", start: "soon", agent: "" })).toEqual({});
  expect(searchOf({ agent: "x".repeat(201), model: 5, min: "nothing" })).toEqual({});
});

test("a chosen period has two ends in order, and wins over days", () => {
  const [start, end] = ["2026-11-01T00:00:00.000Z", "2026-11-02T00:00:00.000Z"];
  expect(searchOf({ start, end, days: "30" })).toEqual({ start, end });
  expect(searchOf({ start: end, end: start })).toEqual({});
  expect(searchOf({ start })).toEqual({});
});

test("a period ends on a whole hour, so that it stays the same for a while", () => {
  const period = periodOf({}, NOW);
  expect(period.end).toBe("2026-11-24T14:00:00.000Z");
  expect(periodOf({}, NOW + 30 * 60_000)).toEqual(period);
  // Seven days of the calendar, of which today is one.
  expect(hours(period.start, period.end)).toBeGreaterThan(6 * 24 - 2);
  expect(hours(period.start, period.end)).toBeLessThanOrEqual(7 * 24 + 1);
  expect(new Date(period.start).getHours()).toBe(0);
  const day = periodOf({ days: "1" }, NOW);
  expect(hours(day.start, day.end)).toBe(24);
});

test("charts are divided into a readable number of buckets", () => {
  const of = (length: number) =>
    intervalOf({ start: new Date(NOW).toISOString(), end: new Date(NOW + length).toISOString() });
  expect([2 * HOUR, DAY, 4 * DAY, 5 * DAY, 90 * DAY, 365 * DAY].map(of)).toEqual([
    "minute",
    "hour",
    "hour",
    "day",
    "day",
    "week",
  ]);
});

test("few evaluations are divided coarsely", () => {
  const of = (length: number, evaluations: number) =>
    intervalOf({ start: new Date(NOW).toISOString(), end: new Date(NOW + length).toISOString() }, evaluations);
  expect([10, 359, 360].map((evaluations) => of(2 * HOUR, evaluations))).toEqual(["hour", "hour", "minute"]);
  expect([0, 287, 288].map((evaluations) => of(4 * DAY, evaluations))).toEqual(["day", "day", "hour"]);
  expect([of(DAY, 0), of(30 * DAY, 0), of(365 * DAY, 0)]).toEqual(["hour", "day", "week"]);
});

test("the period before has the same days of the week and hours of the day, and ends before this one begins", () => {
  const local = (time: string) => {
    const at = new Date(time);
    return [at.getDay(), at.getHours(), at.getMinutes()];
  };
  const now = Date.parse("2026-11-24T13:20:00Z");
  for (const days of [undefined, "30", "90"]) {
    const period = periodOf({ days }, now);
    const before = periodBefore(period);
    expect(local(before.start)).toEqual(local(period.start));
    expect(local(before.end)).toEqual(local(period.end));
    expect(before.end <= period.start).toBe(true);
  }
  const week = periodOf({}, now);
  // With the clock's change between them, a week has an hour more or less.
  expect(Math.abs(hours(periodBefore(week).start, week.start) - 7 * 24)).toBeLessThanOrEqual(1);
});

test("what is as short as a day is compared with the day before", () => {
  const day = { start: "2026-11-23T14:00:00.000Z", end: "2026-11-24T14:00:00.000Z" };
  expect(periodBefore(day)).toEqual({ start: "2026-11-22T14:00:00.000Z", end: "2026-11-23T14:00:00.000Z" });
  const hour = { start: "2026-11-24T13:00:00.000Z", end: "2026-11-24T14:00:00.000Z" };
  expect(periodBefore(hour)).toEqual({ start: "2026-11-23T13:00:00.000Z", end: "2026-11-23T14:00:00.000Z" });
});

test("a zoom is the buckets that were dragged over, whole, within the period", () => {
  const time = (day: number, hour = 0) => new Date(2026, 10, day, hour).toISOString();
  const period = { start: time(22, 14), end: time(25, 9) };
  const days = [22, 23, 24, 25].map((day) => Date.parse(time(day)));
  expect(zoomOf(days, period, 1, 1)).toEqual({ start: time(23), end: time(24) });
  expect(zoomOf(days, period, 1, 2)).toEqual({ start: time(23), end: time(25) });
  // The first and the last bucket are only as long as the period has of them.
  expect(zoomOf(days, period, 0, 0)).toEqual({ start: time(22, 14), end: time(23) });
  expect(zoomOf(days, period, 3, 3)).toEqual({ start: time(25), end: time(25, 9) });
});

test("a zoom into minutes is of the whole hours that the API counts", () => {
  const at = (hour: number) => new Date(2026, 10, 3, hour).toISOString();
  const [start, middle, end] = [at(10), at(11), at(12)];
  const minutes = Array.from({ length: 120 }, (_, minute) => Date.parse(start) + minute * 60_000);
  expect(zoomOf(minutes, { start, end }, 20, 39)).toEqual({ start, end: middle });
  expect(zoomOf(minutes, { start, end }, 50, 70)).toEqual({ start, end });
});

test("a first bucket that the period cuts begins where a whole one would, and one before a longer day where it does", () => {
  const from = Date.parse("2026-11-20T00:00:00Z");
  const bucketsAt = (...hours: number[]) => hours.map((hour) => from + hour * HOUR);
  expect(evenly(bucketsAt(14, 24, 48))).toEqual(bucketsAt(0, 24, 48));
  expect(evenly(bucketsAt(0, 24, 48))).toEqual(bucketsAt(0, 24, 48));
  // Clocks go back on the second day.
  expect(evenly(bucketsAt(0, 24, 49, 73))).toEqual(bucketsAt(0, 24, 49, 73));
  expect(evenly(bucketsAt(0, 168, 337))).toEqual(bucketsAt(0, 168, 337));
  expect(evenly(bucketsAt(1, 2, 4))).toEqual(bucketsAt(0, 2, 4));
  expect(evenly(bucketsAt(14, 24))).toEqual(bucketsAt(14, 24));
});
