/** What changed most, as a sentence. */

import type { Change, Schemas } from "../api/client";
import type { Search } from "../filters";
import { exactCount, mean, percent, perSecond, seconds } from "../ui/numbers";

type Row = Schemas["Row"];
export type Groups = {
  kind: "agent" | "model";
  now: Row[];
  before: Row[];
  /** None is left out, on either side. */
  isWhole: boolean;
};
/** `evidence`: which evaluations it tells of, as a filter of their list. */
export type Headline = { tone: "worse" | "better" | "differs" | "same"; text: string; evidence?: Partial<Search> };
type Cause = { words: string; evidence: Partial<Search> };
type Telling = { name: string; format: (value: number) => string; rank: number };

/** Metrics that are told of, the most important ones first: all that are compared, for else "nothing changed" would lie. */
const TELLINGS: Record<string, Telling> = {
  hallucination_rate: { name: "The hallucination rate", format: percent, rank: 0 },
  latency_p95: { name: "The 95th percentile of latency", format: seconds, rank: 1 },
  latency_p50: { name: "Median latency", format: seconds, rank: 1.5 },
  avg_latency: { name: "Mean latency", format: seconds, rank: 1.6 },
  latency_p99: { name: "The 99th percentile of latency", format: seconds, rank: 1.7 },
  latency_p90: { name: "The 90th percentile of latency", format: seconds, rank: 1.8 },
  avg_factual_support: { name: "Factual support", format: mean, rank: 2 },
  avg_semantic_drift: { name: "Semantic drift", format: mean, rank: 3 },
  avg_uncertainty: { name: "Uncertainty", format: mean, rank: 4 },
  avg_hallucination_probability: { name: "The mean hallucination probability", format: mean, rank: 4.5 },
  avg_throughput: { name: "Throughput", format: perSecond, rank: 5 },
  count: { name: "Evaluations", format: exactCount, rank: 6 },
};
/** What follows from how much was sent. */
const VOLUMES = ["count", "hallucinations"];
/** One group has caused it when so much of the difference is its own. */
const CAUSE_SHARE_MIN = 0.5;

/** The change that is worth a sentence: what got worse, else what got better, else how many there are; undefined: chance. */
export function toldOf(changes: Change[]): Change | undefined {
  const real = changes.filter((change) => change.significant && TELLINGS[change.metric] && change.base != null);
  const worse = first(real.filter((change) => change.direction === "worse"));
  return worse ?? first(real.filter((change) => change.direction === "better")) ?? first(real);
}

/** Whether the sentence names the groups that caused the change. */
export function hasCauses(told: Change | undefined): boolean {
  return told?.metric === "hallucination_rate" || told?.metric === "count";
}

export function headline(changes: Change[], groups: Groups[], period: string, isFirst: boolean): Headline {
  if (isFirst) return { tone: "same", text: `There is nothing before ${period} yet that it could be compared with.` };
  const told = toldOf(changes);
  const isJudged = changes.some((change) => !VOLUMES.includes(change.metric) && change.p_value !== null);
  if (!told) {
    const text = isJudged
      ? `No real change in ${period}: what differs from the period before may be chance.`
      : `Too few evaluations in ${period} and before it to say what changed.`;
    return { tone: "same", text };
  }
  const causes = groups.flatMap((each) => causesOf(told, each));
  const text = sentence(told, causes);
  const evidence: Partial<Search> = Object.assign({}, ...causes.map((cause) => cause.evidence));
  if (told.metric === "count") {
    const rest = isJudged ? "nothing else really changed" : "too few to say what else changed";
    return { tone: "differs", text: `${text}; ${rest}.`, evidence };
  }
  const isRate = told.metric === "hallucination_rate";
  return {
    tone: told.direction === "worse" ? "worse" : "better",
    text: `${text}.`,
    evidence: isRate ? { ...evidence, verdict: "hallucinated" } : evidence,
  };
}

function first(changes: Change[]): Change | undefined {
  return changes.toSorted((a, b) => (TELLINGS[a.metric]?.rank ?? 9) - (TELLINGS[b.metric]?.rank ?? 9))[0];
}

function sentence({ metric, base, candidate }: Change, causes: Cause[]): string {
  const telling = TELLINGS[metric];
  if (!telling || base == null || candidate == null) return "";
  const verb = candidate > base ? "rose" : "fell";
  const whole = `${telling.name} ${verb} from ${telling.format(base)} to ${telling.format(candidate)}`;
  return causes.length > 0 ? `${whole}, ${causes.map(({ words }) => words).join(" and ")}` : whole;
}

/** The one group, if there are several, that most of the change comes from. */
function causesOf({ metric, base, candidate }: Change, groups: Groups): Cause[] {
  const difference = (candidate ?? 0) - (base ?? 0);
  if (metric === "hallucination_rate") return excessOf(groups, difference);
  return metric === "count" && groups.kind === "agent" ? moverOf(groups, difference) : [];
}

/** That of the hallucinations. */
function excessOf({ kind, now, before }: Groups, difference: number): Cause[] {
  if (now.length < 2) return [];
  const rateBefore = new Map(before.map((row) => [row.key[0] ?? "", row.figures.hallucination_rate]));
  const total = now.reduce((sum, row) => sum + row.figures.verdicts, 0) * difference;
  const excesses = now.flatMap((row) => {
    const was = rateBefore.get(row.key[0] ?? "");
    const is = row.figures.hallucination_rate;
    if (was == null || is == null || row.key[0] == null) return [];
    return [{ name: row.key[0], share: ((is - was) * row.figures.verdicts) / total }];
  });
  return largest(excesses).map((name) => ({ words: `mostly at ${name}`, evidence: { [kind]: name } }));
}

/** That of the evaluations, which may have begun or stopped sending. */
function moverOf({ kind, now, before, isWhole }: Groups, difference: number): Cause[] {
  const [is, was] = [now, before].map((rows) => new Map(rows.map((row) => [row.key[0] ?? "", row.figures.count])));
  const names = [...new Set([...(is?.keys() ?? []), ...(was?.keys() ?? [])])];
  if (!is || !was || names.length < 2 || !isWhole) return [];
  const moves = names.map((name) => ({ name, share: ((is.get(name) ?? 0) - (was.get(name) ?? 0)) / difference }));
  return largest(moves).map((name) => {
    if (!is.has(name)) return { words: `as ${name} stopped sending`, evidence: {} };
    return { words: was.has(name) ? `mostly at ${name}` : `as ${name} began to send`, evidence: { [kind]: name } };
  });
}

/** The name of the largest part, where it is large enough and has one. */
function largest(parts: { name: string; share: number }[]): string[] {
  const most = parts.toSorted((a, b) => b.share - a.share)[0];
  return most && most.name !== "" && most.share >= CAUSE_SHARE_MIN ? [most.name] : [];
}
