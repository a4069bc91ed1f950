import { expect, test } from "vitest";
import type { Change } from "../api/client";
import { ordered, reasonsOf } from "./reasons";

const change = (metric: string, base: number, candidate: number, rest: Partial<Change> = {}) =>
  ({ metric, base, candidate, significant: true, direction: "worse", p_value: 0.001, ...rest }) as Change;
const chance = { significant: false } as const;

test("a verdict names the figures that made it, and by how much", () => {
  const p90 = change("latency_p90", 1, 1.13);
  expect(reasonsOf({ changes: [p90], regressions: ["latency_p90"] })).toBe("Latency p90 rose 13 %.");
  const rate = change("hallucination_rate", 0.1, 0.05, { direction: "better" });
  expect(reasonsOf({ changes: [rate, p90], regressions: ["latency_p90"] })).toBe(
    "Latency p90 rose 13 %. Hallucination rate fell 5.0 pp.",
  );
});

test("what may be chance, and what is worse but tolerated, made no verdict", () => {
  const changes = [change("latency_p50", 1, 1.01), change("avg_latency", 1, 2, chance)];
  expect(reasonsOf({ changes, regressions: [] })).toBe("");
});

test("of many figures the first are named, and from nothing there is no percentage", () => {
  const metrics = ["avg_latency", "latency_p50", "latency_p90", "latency_p95", "latency_p99"];
  const changes = metrics.map((metric) => change(metric, 0, 1));
  expect(reasonsOf({ changes, regressions: metrics })).toMatch(
    /^Mean latency rose from 0 ms to 1.00 s, Latency p50 .*, and 2 more\.$/,
  );
});

test("what is really worse stands first, and nothing is left out", () => {
  const changes = [
    change("count", 1, 2, { direction: "neutral" }),
    change("avg_latency", 1, 2, chance),
    change("hallucination_rate", 0.2, 0.1, { direction: "better" }),
    change("latency_p99", 1, 2),
    change("something_new", 1, 2, chance),
  ];
  expect(ordered(changes).map(({ metric }) => metric)).toEqual([
    "latency_p99",
    "hallucination_rate",
    "count",
    "avg_latency",
    "something_new",
  ]);
});
