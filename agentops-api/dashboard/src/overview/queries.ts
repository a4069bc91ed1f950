import { queryOptions } from "@tanstack/react-query";
import { api, type Change, type Figures, told } from "../api/client";
import { evenly, type Interval, namesOf, type Period, periodBefore, type Search } from "../filters";
import { keptIn } from "../queries";
import { ZONE } from "../ui/time";

const METRICS_MAX = 6;
export const METRICS = [
  "hallucination_rate",
  "hallucinations",
  "count",
  "latency_p50",
  "latency_p95",
  "latency_p99",
  "avg_throughput",
  "avg_factual_support",
  "avg_semantic_drift",
  "avg_uncertainty",
] as const;
export type Metric = (typeof METRICS)[number];
export type Point = { value: number | null; low: number | null; high: number | null };
/** Each metric's points, and where in time they begin, in milliseconds: the last one ends where the period does. */
export type Tracks = { period: Period; interval: Interval; times: number[]; points: Partial<Record<Metric, Point[]>> };

/** The period beside the one before it, which is the one that the charts show too. */
export type Summary = { current: Figures; previous: Figures; changes: Change[]; before: Period };

export function summaryQuery(period: Period, search: Search) {
  const before = periodBefore(period);
  const query = {
    ...namesOf(search),
    base_start: before.start,
    base_end: before.end,
    candidate_start: period.start,
    candidate_end: period.end,
    time_zone: ZONE,
  };
  return queryOptions({
    queryKey: ["summary", search.project, query],
    queryFn: async (): Promise<Summary> => {
      const { base, candidate, changes } = await told(api.GET("/api/v1/analytics/compare", { params: { query } }));
      return { current: candidate.figures, previous: base.figures, changes, before };
    },
    placeholderData: keptIn(search.project),
  });
}

export function tracksQuery(period: Period, search: Search, interval: Interval) {
  const query = { ...period, ...namesOf(search), time_zone: ZONE, interval };
  return queryOptions({
    queryKey: ["tracks", search.project, query],
    queryFn: async (): Promise<Tracks> => {
      const parts = [METRICS.slice(0, METRICS_MAX), METRICS.slice(METRICS_MAX)];
      const answers = await Promise.all(
        parts.map((metric) =>
          told(api.GET("/api/v1/analytics/timeseries", { params: { query: { ...query, metric: [...metric] } } })),
        ),
      );
      const series = answers.flatMap((answer) => answer.series);
      const times = (series[0]?.points ?? []).map((point) => Date.parse(point.at));
      const points = Object.fromEntries(series.map((each) => [each.metric, each.points]));
      return { period, interval, times: evenly(times), points };
    },
    placeholderData: keptIn(search.project),
  });
}
