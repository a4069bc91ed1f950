/** What changed most, as a sentence. */

import type { Change, Schemas } from "../api/client";
import { percent, perSecond, score, seconds } from "../ui/numbers";

type Row = Schemas["Row"];
export type Groups = { kind: "agent" | "model"; now: Row[]; before: Row[] };
export type Headline = { tone: "worse" | "better" | "same"; text: string };
type Telling = { name: string; format: (value: number) => string; rank: number };

/** Metrics that are told of, the most important ones first. */
const TELLINGS: Record<string, Telling> = {
  hallucination_rate: { name: "The hallucination rate", format: percent, rank: 0 },
  latency_p95: { name: "The 95th percentile of latency", format: seconds, rank: 1 },
  latency_p50: { name: "Median latency", format: seconds, rank: 1.5 },
  avg_factual_support: { name: "Factual support", format: score, rank: 2 },
  avg_semantic_drift: { name: "Semantic drift", format: score, rank: 3 },
  avg_uncertainty: { name: "Uncertainty", format: score, rank: 4 },
  avg_throughput: { name: "Throughput", format: perSecond, rank: 5 },
};
/** One group has caused it when so much of the difference is its own. */
const CAUSE_SHARE_MIN = 0.5;

/** The change that is worth a sentence: what got worse goes before what got better; undefined where chance explains all. */
export function toldOf(changes: Change[]): Change | undefined {
  const real = changes.filter((change) => change.significant && TELLINGS[change.metric] && change.base != null);
  const worse = first(real.filter((change) => change.direction === "worse"));
  return worse ?? first(real.filter((change) => change.direction === "better"));
}

/** Whether the sentence names the groups that caused the change. */
export function hasCauses(told: Change | undefined): boolean {
  return told?.metric === "hallucination_rate";
}

export function headline(changes: Change[], groups: Groups[], period: string, isFirst: boolean): Headline {
  if (isFirst) return { tone: "same", text: `There is nothing before ${period} yet that it could be compared with.` };
  const told = toldOf(changes);
  if (!told) {
    const judged = changes.some((change) => change.metric !== "count" && change.p_value !== null);
    const text = judged
      ? `No real change in ${period}: what differs from the period before may be chance.`
      : `Too few evaluations in ${period} and before it to say what changed.`;
    return { tone: "same", text };
  }
  return { tone: told.direction === "worse" ? "worse" : "better", text: sentence(told, groups) };
}

function first(changes: Change[]): Change | undefined {
  return changes.toSorted((a, b) => (TELLINGS[a.metric]?.rank ?? 9) - (TELLINGS[b.metric]?.rank ?? 9))[0];
}

function sentence(change: Change, groups: Groups[]): string {
  const telling = TELLINGS[change.metric];
  const { base, candidate } = change;
  if (!telling || base == null || candidate == null) return "";
  const verb = candidate > base ? "rose" : "fell";
  const whole = `${telling.name} ${verb} from ${telling.format(base)} to ${telling.format(candidate)}`;
  const causes = hasCauses(change) ? groups.flatMap((each) => causeOf(each, candidate - base)) : [];
  return causes.length > 0 ? `${whole}, mostly at ${causes.join(" and ")}.` : `${whole}.`;
}

/** The one group, if there are several, that most of the difference in hallucinations comes from. */
function causeOf({ now, before }: Groups, difference: number): string[] {
  if (now.length < 2) return [];
  const rateBefore = new Map(before.map((row) => [row.key[0] ?? "", row.figures.hallucination_rate]));
  const total = now.reduce((sum, row) => sum + row.figures.verdicts, 0) * difference;
  const excesses = now.flatMap((row) => {
    const was = rateBefore.get(row.key[0] ?? "");
    const is = row.figures.hallucination_rate;
    if (was == null || is == null || row.key[0] == null) return [];
    return [{ name: row.key[0], share: ((is - was) * row.figures.verdicts) / total }];
  });
  const largest = excesses.toSorted((a, b) => b.share - a.share)[0];
  return largest && largest.share >= CAUSE_SHARE_MIN ? [largest.name] : [];
}
