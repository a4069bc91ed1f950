import { expect, test } from "vitest";
import type { Change, Schemas } from "../api/client";
import { hasCauses, headline, toldOf } from "./headline";

function change(metric: string, base: number, candidate: number, more: Partial<Change> = {}): Change {
  return {
    metric,
    base,
    candidate,
    difference: candidate - base,
    difference_low: null,
    difference_high: null,
    ratio: candidate / base,
    test: "",
    p_value: 0.001,
    significant: true,
    effect: null,
    direction: "worse",
    reason: null,
    ...more,
  } as Change;
}

function row(name: string, verdicts: number, hallucination_rate: number): Schemas["Row"] {
  return { key: [name], share: 0.5, figures: { verdicts, hallucination_rate } } as Schemas["Row"];
}

test("what became worse is told before what became better, and hallucinations before latency", () => {
  const told = headline(
    [
      change("latency_p95", 1, 0.8, { direction: "better" }),
      change("avg_factual_support", 0.9, 0.8),
      change("hallucination_rate", 0.05, 0.1),
    ],
    [],
    "the last 7 days",
    false,
  );
  expect(told).toEqual({ tone: "worse", text: "The hallucination rate rose from 5.0 % to 10.0 %." });
});

test("the one agent that most of it comes from is named", () => {
  const groups = [
    {
      kind: "agent" as const,
      now: [row("a", 500, 0.2), row("b", 500, 0.05)],
      before: [row("a", 500, 0.05), row("b", 500, 0.05)],
    },
    {
      kind: "model" as const,
      now: [row("m", 500, 0.13), row("n", 500, 0.12)],
      before: [row("m", 500, 0.06), row("n", 500, 0.05)],
    },
  ];
  const told = headline([change("hallucination_rate", 0.05, 0.125)], groups, "the last 7 days", false);
  expect(told.text).toBe("The hallucination rate rose from 5.0 % to 12.5 %, mostly at a.");
});

test("without a real change it says so, and without enough to judge it says that", () => {
  const chance = change("hallucination_rate", 0.05, 0.06, { significant: false, p_value: 0.4 });
  expect(headline([chance], [], "the last 7 days", false).text).toMatch(/^No real change in the last 7 days/);
  const unknown = change("hallucination_rate", 0.05, 0.06, { significant: false, p_value: null });
  const volume = change("count", 1, 5, { direction: "neutral" });
  expect(headline([unknown, volume], [], "the last 7 days", false).text).toMatch(/^Too few evaluations/);
  expect(headline([chance], [], "the last 7 days", true).text).toMatch(/^There is nothing before the last 7 days/);
});

test("the period before is only asked for its groups where the sentence names a cause", () => {
  const slower = change("latency_p95", 1, 2);
  expect(hasCauses(toldOf([slower, change("hallucination_rate", 0.05, 0.1)]))).toBe(true);
  expect(hasCauses(toldOf([slower, change("hallucination_rate", 0.05, 0.1, { significant: false })]))).toBe(false);
  expect(hasCauses(toldOf([]))).toBe(false);
});
