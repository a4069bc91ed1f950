/** What a comparison's figures are called, in which order they are shown, and which of them made its verdict. */

import type { Change, Schemas } from "../api/client";
import { count, difference, mean, percent, perSecond, seconds } from "../ui/numbers";

type Shown = { label: string; kind: "rate" | "value"; format: (value: number | null | undefined) => string };

const METRICS: Record<string, Shown> = {
  count: { label: "Evaluations", kind: "value", format: count },
  hallucinations: { label: "Hallucinations", kind: "value", format: count },
  hallucination_rate: { label: "Hallucination rate", kind: "rate", format: percent },
  avg_hallucination_probability: { label: "Hallucination probability", kind: "value", format: mean },
  avg_latency: { label: "Mean latency", kind: "value", format: seconds },
  latency_p50: { label: "Latency p50", kind: "value", format: seconds },
  latency_p90: { label: "Latency p90", kind: "value", format: seconds },
  latency_p95: { label: "Latency p95", kind: "value", format: seconds },
  latency_p99: { label: "Latency p99", kind: "value", format: seconds },
  avg_throughput: { label: "Throughput", kind: "value", format: perSecond },
  avg_semantic_drift: { label: "Semantic drift", kind: "value", format: mean },
  avg_uncertainty: { label: "Uncertainty", kind: "value", format: mean },
  avg_factual_support: { label: "Factual support", kind: "value", format: mean },
};
const NAMED_MAX = 3;

/** How a figure is shown; one that is not known here, under its own name. */
export function shownOf(metric: string): Shown {
  return METRICS[metric] ?? { label: metric.replaceAll("_", " "), kind: "value", format: mean };
}

/** Those that really are worse first, then those that really differ, else as they came. */
export function ordered(changes: Change[]): Change[] {
  const rank = ({ significant, direction }: Change) =>
    significant ? (direction === "worse" ? 0 : direction === "better" ? 1 : 2) : 3;
  return changes.toSorted((left, right) => rank(left) - rank(right));
}

/** Which figures made the verdict, and by how much: "Latency p90 rose 13 %." Empty where none did. */
export function reasonsOf({ changes, regressions }: Pick<Schemas["Comparison"], "changes" | "regressions">): string {
  const worse = changes.filter(({ metric }) => regressions.includes(metric));
  const better = changes.filter(({ significant, direction }) => significant && direction === "better");
  return [...sentences(worse), ...sentences(better)].join(" ");
}

function sentences(changes: Change[]): string[] {
  if (changes.length === 0) return [];
  const told = changes.slice(0, NAMED_MAX).map(moved);
  const more = changes.length - told.length;
  return [`${told.join(", ")}${more > 0 ? `, and ${more} more` : ""}.`];
}

function moved({ metric, base, candidate }: Change): string {
  const { label, kind, format } = shownOf(metric);
  const verb = (candidate ?? 0) > (base ?? 0) ? "rose" : "fell";
  const by = difference(candidate, base, kind)?.replace(/^[+−]/, "");
  return by ? `${label} ${verb} ${by}` : `${label} ${verb} from ${format(base)} to ${format(candidate)}`;
}
