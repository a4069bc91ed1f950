import { expect, test } from "vitest";
import { bytes, count, difference, lasted, mean, NOTHING, percent, perSecond, score, seconds } from "./numbers";

test("what was not measured is a dash", () => {
  expect([count, percent, score, mean, seconds, perSecond].map((format) => format(null))).toEqual(
    Array(6).fill(NOTHING),
  );
});

test("numbers have their units", () => {
  expect([0, 150, 9_999, 12_345, 1_000_000].map(count)).toEqual(["0", "150", "9,999", "12.3K", "1M"]);
  expect([0, 0.0463, 0.0949, 0.106, 0.5].map(percent)).toEqual(["0.0 %", "4.6 %", "9.5 %", "10.6 %", "50 %"]);
  expect([0.0004, 0.042, 0.99, 0.9999, 1.234, 12.34, 600, 9_000].map(seconds)).toEqual([
    "0.4 ms",
    "42 ms",
    "990 ms",
    "1.00 s",
    "1.23 s",
    "12.3 s",
    "10 min",
    "2.5 h",
  ]);
  expect(perSecond(2.378)).toBe("2.38/s");
});

test("two values of which the difference is told are seen to differ", () => {
  expect(difference(0.01059, 0.01, "value")).toBe("+5.9 %");
  expect([0.01059, 0.01, 0, 0.000_53, 0.504, 0.91, 1].map(mean)).toEqual([
    "0.0106",
    "0.0100",
    "0.00",
    "0.00053",
    "0.504",
    "0.910",
    "1.00",
  ]);
  expect([120, 141, 4_980, 7_200, 10_260].map(seconds)).toEqual(["2 min", "2.35 min", "83 min", "2 h", "2.85 h"]);
});

test("differences have a sign, and rates differ in points", () => {
  expect(difference(0.106, 0.09, "rate")).toBe("+1.6 pp");
  expect(difference(0.09, 0.106, "rate")).toBe("−1.6 pp");
  expect(difference(110, 100, "value")).toBe("+10 %");
  expect(difference(97.3, 100, "value")).toBe("−2.7 %");
  expect(difference(100, 100, "value")).toBe("±0.0 %");
  expect(difference(5, 0, "value")).toBeNull();
  expect(difference(5, null, "value")).toBeNull();
});

test("sizes are told in decimal units", () => {
  expect([0, 512, 1_000, 1_234_567, 5e12].map(bytes)).toEqual(["0 bytes", "512 bytes", "1 kB", "1.23 MB", "5,000 GB"]);
});

test("how long something lasted reads like a clock, whatever its size", () => {
  const told = [0, 12.3, 107.7, 300, 3_600, 7_510, 180_000].map(lasted);
  expect(told).toEqual(["0 s", "12 s", "1 min 48 s", "5 min 0 s", "1 h 0 min", "2 h 5 min", "2 d 2 h"]);
  expect(lasted(null)).toBe("–");
});
