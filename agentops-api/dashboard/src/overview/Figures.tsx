import { Link } from "@tanstack/react-router";
import type { Change, Figures as Values } from "../api/client";
import type { Search } from "../filters";
import { count, difference, exactCount, mean, percent, perSecond, seconds } from "../ui/numbers";
import { Skeleton } from "../ui/Page";
import { shortTime } from "../ui/time";
import styles from "./overview.module.css";
import type { Summary } from "./queries";

type Figure = {
  label: string;
  metric: keyof Values & string;
  kind: "rate" | "value";
  format: (value: number | null | undefined) => string;
  /** Which evaluations it counts, as a filter of their list. */
  evidence?: Partial<Search>;
};

const FIGURES: Figure[] = [
  {
    label: "Hallucination rate",
    metric: "hallucination_rate",
    kind: "rate",
    format: percent,
    evidence: { verdict: "hallucinated" },
  },
  { label: "Evaluations", metric: "count", kind: "value", format: count, evidence: {} },
  { label: "Latency p95", metric: "latency_p95", kind: "value", format: seconds },
  { label: "Throughput", metric: "avg_throughput", kind: "value", format: perSecond },
  { label: "Factual support", metric: "avg_factual_support", kind: "value", format: mean },
  { label: "Semantic drift", metric: "avg_semantic_drift", kind: "value", format: mean },
  { label: "Uncertainty", metric: "avg_uncertainty", kind: "value", format: mean },
];

/** The period in seven numbers, each beside what it was. */
export function Figures({ summary }: { summary: Summary | undefined }) {
  return (
    <dl className={styles.figures}>
      {FIGURES.map((figure) => (
        <div key={figure.metric} className={styles.figure}>
          <dt>{figure.label}</dt>
          {summary ? <Value figure={figure} summary={summary} /> : <Waiting />}
        </div>
      ))}
    </dl>
  );
}

function Waiting() {
  return (
    <dd className={styles.waiting}>
      <Skeleton height={26} width={84} />
      <Skeleton height={14} width={110} />
    </dd>
  );
}

function Value({ figure, summary }: { figure: Figure; summary: Summary }) {
  const { current, previous } = summary;
  const now = current[figure.metric];
  const before = previous[figure.metric];
  const change = summary.changes.find((each) => each.metric === figure.metric);
  return (
    <dd className="num">
      <span className={styles.value} title={figure.metric === "count" ? exactCount(now) : undefined}>
        {figure.evidence && now ? (
          <Link
            to="/evaluations"
            search={(all) => ({ ...all, ...figure.evidence })}
            className={styles.evidence}
            aria-label={`${figure.format(now)}: show these evaluations`}
          >
            {figure.format(now)}
          </Link>
        ) : (
          figure.format(now)
        )}
      </span>
      <span
        className={styles.delta}
        data-tone={toneOf(change)}
        title={`Before: ${shortTime(summary.before.start)} – ${shortTime(summary.before.end)}`}
      >
        {difference(now, before, figure.kind)}
        <span className={styles.was}> {noteOf(figure, current, previous.count === 0 ? null : before)}</span>
      </span>
    </dd>
  );
}

function noteOf(figure: Figure, current: Values, before: number | null): string {
  const { hallucination_rate_low: low, hallucination_rate_high: high } = current;
  if (figure.metric === "hallucination_rate" && low !== null && high !== null) {
    return `95 %: ${(low * 100).toFixed(1)}–${percent(high)}`;
  }
  return before === null ? "" : `was ${figure.format(before)}`;
}

/** Coloured only when chance does not explain it. */
function toneOf(change: Change | undefined): string {
  if (!change?.significant || change.direction === "neutral") return "same";
  return change.direction;
}
