import { expect, test } from "vitest";
import { bucketOf, dateOf, dayOf, listTime, shortTime, spanOf } from "./time";

const NOW = new Date("2026-11-28T12:00:00Z");

test("a day of another year says which", () => {
  expect(dateOf("2027-11-28T12:00:00Z", NOW)).toContain("2027");
  expect(dateOf("2026-11-28T12:00:00Z", NOW)).not.toContain("2026");
  expect(listTime("2025-11-27T12:00:00Z", NOW)).toContain("2025");
  expect(listTime("2026-11-27T12:00:00Z", NOW)).not.toContain("2026");
});

test("a period tells its years where one of them is another one", () => {
  expect(spanOf({ start: "2025-12-20T00:00:00Z", end: "2026-01-10T00:00:00Z" }, NOW)).toMatch(/2025.* – .*2026/);
  expect(spanOf({ start: "2026-11-01T00:00:00Z", end: "2026-11-02T00:00:00Z" }, NOW)).not.toContain("2026");
});

test("a bucket of a day is a day, and one of an hour tells its hour", () => {
  const midnight = new Date(2026, 10, 24).getTime();
  expect(bucketOf(midnight, "day")).toBe(dayOf(midnight));
  expect(bucketOf(midnight, "week")).toBe(`week of ${dayOf(midnight)}`);
  for (const interval of ["hour", "minute"] as const) expect(bucketOf(midnight, interval)).toBe(shortTime(midnight));
});
