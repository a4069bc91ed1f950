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

function row(name: string | null, verdicts: number, hallucination_rate: number | null): Schemas["Row"] {
  return { key: [name], share: 0.5, figures: { count: verdicts, verdicts, hallucination_rate } } as Schemas["Row"];
}

const neutral = { direction: "neutral" } as const;
const chance = change("hallucination_rate", 0.05, 0.06, { significant: false, p_value: 0.4 });
const unknown = change("hallucination_rate", 0.05, 0.06, { significant: false, p_value: null });

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
  const text = "The hallucination rate rose from 5.0 % to 10.0 %.";
  expect(told).toEqual({ tone: "worse", text, evidence: { verdict: "hallucinated" } });
});

test("the one agent that most of it comes from is named", () => {
  const groups = [
    {
      kind: "agent" as const,
      now: [row("a", 500, 0.2), row("b", 500, 0.05)],
      before: [row("a", 500, 0.05), row("b", 500, 0.05)],
      isWhole: true,
    },
    {
      kind: "model" as const,
      now: [row("m", 500, 0.13), row("n", 500, 0.12)],
      before: [row("m", 500, 0.06), row("n", 500, 0.05)],
      isWhole: true,
    },
  ];
  const told = headline([change("hallucination_rate", 0.05, 0.125)], groups, "the last 7 days", false);
  expect(told.text).toBe("The hallucination rate rose from 5.0 % to 12.5 %, mostly at a.");
  expect(told.evidence).toEqual({ agent: "a", verdict: "hallucinated" });
});

test("without a real change it says so, and without enough to judge it says that", () => {
  expect(headline([chance], [], "the last 7 days", false).text).toMatch(/^No real change in the last 7 days/);
  const volume = change("count", 1, 2, { direction: "neutral", significant: false, p_value: 0.6 });
  expect(headline([unknown, volume], [], "the last 7 days", false).text).toMatch(/^Too few evaluations/);
  expect(headline([chance], [], "the last 7 days", true).text).toMatch(/^There is nothing before the last 7 days/);
});

test("the period before is only asked for its groups where the sentence names a cause", () => {
  const slower = change("latency_p95", 1, 2);
  expect(hasCauses(toldOf([slower, change("hallucination_rate", 0.05, 0.1)]))).toBe(true);
  expect(hasCauses(toldOf([slower, change("hallucination_rate", 0.05, 0.1, { significant: false })]))).toBe(false);
  expect(hasCauses(toldOf([change("count", 474, 292, { direction: "neutral" })]))).toBe(true);
  expect(hasCauses(toldOf([]))).toBe(false);
});

const tell = (changes: Change[], now: Schemas["Row"][] = [], before: Schemas["Row"][] = [], isWhole = true) =>
  headline(changes, [{ kind: "agent", now, before, isWhole }], "the last 24 hours", false);

test("where only the volume changed, that is told, and not that nothing did", () => {
  const fell = change("count", 474, 292, neutral);
  expect(tell([chance, fell])).toEqual({
    tone: "differs",
    text: "Evaluations fell from 474 to 292; nothing else really changed.",
    evidence: {},
  });
  expect(tell([unknown, change("count", 1, 22, neutral)]).text).toBe(
    "Evaluations rose from 1 to 22; too few to say what else changed.",
  );
  expect(tell([fell, change("latency_p99", 1, 2)]).text).toBe(
    "The 99th percentile of latency rose from 1.00 s to 2.00 s.",
  );
});

test("an agent that stopped, began or made most of the change in volume is named", () => {
  const fell = change("count", 474, 292, neutral);
  const before = [row("a", 274, 0.1), row("b", 200, 0.1)];
  const text = (now: Schemas["Row"][], isWhole = true) => tell([chance, fell], now, before, isWhole);
  expect(text([row("a", 292, 0.1)]).text).toMatch(/to 292, as b stopped sending; nothing else/);
  expect(text([row("a", 292, 0.1)]).evidence).toEqual({});
  expect(text([row("a", 270, 0.1), row("b", 22, 0.1)]).text).toMatch(/to 292, mostly at b; nothing else/);
  expect(text([row("a", 270, 0.1), row("b", 22, 0.1)]).evidence).toEqual({ agent: "b" });
  // Of more groups than are asked for, one that is missing may only be small.
  expect(text([row("a", 292, 0.1)], false).text).toMatch(/to 292; nothing else/);
  const rose = tell([chance, change("count", 200, 474, neutral)], before, [row("b", 200, 0.1)]);
  expect(rose.text).toMatch(/to 474, as a began to send; nothing else/);
  const nameless = tell(
    [chance, change("count", 474, 200, neutral)],
    [row("b", 200, 0.1)],
    [row(null, 274, 0.1), row("b", 200, 0.1)],
  );
  expect(nameless.text).toMatch(/to 200; nothing else/);
});
