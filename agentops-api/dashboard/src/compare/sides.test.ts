import { expect, test } from "vitest";
import { DAY, type Period, periodBefore } from "../filters";
import { baseOf, compareSearchOf, nameOfOwn, overlap, ownOf, paramsOf, shiftsFor } from "./sides";

const END = Date.parse("2026-11-28T00:00:00Z");
const last = (days: number): Period => ({
  start: new Date(END - days * DAY).toISOString(),
  end: new Date(END).toISOString(),
});
const values = (days: number) => shiftsFor(last(days)).map(({ value }) => value);

test("only earlier periods that have nothing in common with the chosen one are offered", () => {
  expect(values(1)).toEqual(["0", "7", "28", "own"]);
  expect(values(7)).toEqual(["0", "28", "own"]);
  expect(values(7.5)).toEqual(["0", "28", "own"]);
  expect(values(30)).toEqual(["0", "own"]);
});

test("whatever the address asks for, an earlier period never overlaps unless it is written out", () => {
  for (const days of [1, 7, 7.5, 30, 90]) {
    for (const base of [undefined, "0", "7", "28", "nonsense", "1e99"]) {
      expect(overlap(baseOf(last(days), base), last(days))).toBe(false);
    }
  }
  expect(baseOf(last(1), "7").end).toBe("2026-11-21T00:00:00.000Z");
});

test("without a choice it is the period that the Overview compares with, and the choice says which", () => {
  for (const days of [1, 7, 7.5, 30, 90]) {
    for (const base of [undefined, "0"]) expect(baseOf(last(days), base)).toEqual(periodBefore(last(days)));
  }
  const labels = [1, 7, 7.5, 30, 90].map((days) => shiftsFor(last(days))[0]?.label);
  expect(labels).toEqual(["1 day earlier", "1 week earlier", "2 weeks earlier", "5 weeks earlier", "13 weeks earlier"]);
  expect(baseOf(last(7), "7")).toEqual(periodBefore(last(7)));
});

test("whatever is compared, the other filters hold on both sides", () => {
  const search = { agent: "a", model: "m", mode: "x" };
  const sides = { base: "one", candidate: "two" };
  const of = (by: "model" | "agent") => paramsOf(search, { by, ...sides }, END);
  expect(of("model")).toMatchObject({
    agent_name: "a",
    mode: "x",
    base_model_name: "one",
    candidate_model_name: "two",
  });
  expect(of("agent")).toMatchObject({
    model_name: "m",
    mode: "x",
    base_agent_name: "one",
    candidate_agent_name: "two",
  });
  expect([of("model")?.model_name, of("agent")?.agent_name]).toEqual([undefined, undefined]);
  expect(paramsOf(search, {}, END)).toMatchObject({ agent_name: "a", model_name: "m", mode: "x" });
});

test("a period of one's own lives in the address", () => {
  const base = nameOfOwn(last(10));
  expect(ownOf(base)).toEqual(last(10));
  expect(compareSearchOf({ base })).toEqual({ by: undefined, base });
  expect(baseOf(last(7), base)).toEqual(last(10));
  expect(overlap(baseOf(last(7), base), last(7))).toBe(true);
  for (const bad of ["a/b", "2026-11-28/2026-11-01", `${base}/x`, "/", undefined]) expect(ownOf(bad)).toBeUndefined();
});
