import { useMemo } from "react";
import type { Figures } from "../api/client";
import { Chart, ChartToCome } from "../charts/Chart";
import { type Color, DURATION_STEPS, type Line, WHOLE_STEPS } from "../charts/options";
import type { Period } from "../filters";
import { Failed } from "../ui/Failure";
import { count, mean, percent, perSecond, seconds } from "../ui/numbers";
import { bucketOf, shortTime } from "../ui/time";
import styles from "./overview.module.css";
import type { Metric, Summary, Tracks } from "./queries";

type Props = {
  summary: Summary | undefined;
  tracks: Tracks | undefined;
  before: Tracks | undefined;
  /** The period before. */
  period: Period;
  error: Error | null;
  onZoom: (first: number, last: number) => void;
};
type Panel = {
  title: string;
  note?: string;
  format: (value: number | null | undefined) => string;
  unitScale?: boolean;
  steps?: number[];
  lines: (now: Track, before: Track) => Line[];
};

/** A period in its buckets, and as a whole. */
type Track = { tracks: Tracks | undefined; overall: Figures | undefined };

const PANELS: Panel[] = [
  {
    title: "Hallucination rate",
    note: "with its 95 % interval",
    format: percent,
    unitScale: true,
    lines: (now, before) => [
      bound(now, "low"),
      bound(now, "high"),
      previous(before, "hallucination_rate"),
      line(now, "hallucination_rate", "Rate", "accent"),
    ],
  },
  {
    title: "Evaluations",
    format: count,
    steps: WHOLE_STEPS,
    lines: (now, before) => [
      previous(before, "count"),
      { ...line(now, "count", "All", "accent-3"), kind: "bars" },
      { ...line(now, "hallucinations", "Hallucinated", "bad"), kind: "bars" },
    ],
  },
  {
    title: "Latency",
    format: seconds,
    steps: DURATION_STEPS,
    lines: (now, before) => [
      previous(before, "latency_p95", "p95 before"),
      line(now, "latency_p99", "p99", "accent-3"),
      line(now, "latency_p95", "p95", "accent-2"),
      line(now, "latency_p50", "p50", "accent"),
    ],
  },
  {
    title: "Scores",
    format: mean,
    unitScale: true,
    lines: (now, before) => [
      previous(before, "avg_factual_support", "Support before"),
      line(now, "avg_uncertainty", "Uncertainty", "warn"),
      line(now, "avg_semantic_drift", "Drift", "accent"),
      line(now, "avg_factual_support", "Support", "good"),
    ],
  },
  {
    title: "Throughput",
    note: "at the agent, when it answered",
    format: perSecond,
    lines: (now, before) => [
      previous(before, "avg_throughput"),
      { ...line(now, "avg_throughput", "Mean", "accent"), kind: "area" },
    ],
  },
];

export function Charts({ summary, tracks, before, period, error, onZoom }: Props) {
  const beforeNote = `The dashed line: ${shortTime(period.start)} – ${shortTime(period.end)}`;
  if (error && !tracks) return <Failed error={error} />;
  return (
    <div className={styles.charts}>
      {PANELS.map((panel) => (
        <div key={panel.title} className={styles.chart}>
          {tracks ? (
            <Drawn {...{ panel, summary, tracks, before, beforeNote, onZoom }} />
          ) : (
            <ChartToCome title={panel.title} note={panel.note} />
          )}
        </div>
      ))}
    </div>
  );
}

type DrawnProps = Pick<Props, "summary" | "before" | "onZoom"> & { panel: Panel; tracks: Tracks; beforeNote: string };

function Drawn({ panel, summary, tracks, before, beforeNote, onZoom }: DrawnProps) {
  const lines = useMemo(
    () => panel.lines({ tracks, overall: summary?.current }, { tracks: before, overall: summary?.previous }),
    [panel, summary, tracks, before],
  );
  const { title, note, format, unitScale, steps } = panel;
  const { times, interval } = tracks;
  const nameOf = (time: number) => bucketOf(time, interval);
  return <Chart {...{ title, note, format, unitScale, steps, times, lines, nameOf, beforeNote, onZoom }} />;
}

function line({ tracks, overall }: Track, metric: Metric, label: string, color: Color): Line {
  const values = (tracks?.points[metric] ?? []).map((point) => point.value);
  return { label, color, kind: "line", values, overall: overall?.[metric] };
}

function bound({ tracks }: Track, end: "low" | "high"): Line {
  const points = tracks?.points.hallucination_rate ?? [];
  return { label: "", color: "ghost", kind: end, values: points.map((point) => point[end]) };
}

/** The period before, drawn where the same bucket of this one is. */
function previous(before: Track, metric: Metric, label = "Before"): Line {
  const drawn = line(before, metric, label, "ghost");
  // A line along the bottom would say that there was a period before, with nothing in it.
  return { ...drawn, kind: "before", values: drawn.values.some((value) => value) ? drawn.values : [] };
}
