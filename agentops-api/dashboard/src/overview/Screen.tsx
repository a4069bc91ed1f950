import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { Chips } from "../filterbar/Chips";
import { NameFilter } from "../filterbar/NameFilter";
import { Nothing } from "../filterbar/Nothing";
import { PeriodPicker, useChange } from "../filterbar/PeriodPicker";
import {
  intervalOf,
  isDividedByCount,
  type Period,
  periodBefore,
  periodLabel,
  periodOf,
  type Search,
  zoomOf,
} from "../filters";
import { breakdownQuery } from "../queries";
import { Failed } from "../ui/Failure";
import { Page } from "../ui/Page";
import { Charts } from "./Charts";
import { Figures } from "./Figures";
import { GroupTable } from "./GroupTable";
import { type Groups, hasCauses, headline, toldOf } from "./headline";
import styles from "./overview.module.css";
import { type Summary, summaryQuery, tracksQuery } from "./queries";

const MINUTE = 60_000;

export function Screen() {
  const search = useSearch({ from: "/signed-in" });
  const period = periodOf(search, Date.now());
  // Drawn anew at each answer, also at one that says the same: by then the period may be another one.
  const summary = useQuery({ ...summaryQuery(period, search), refetchInterval: MINUTE, notifyOnChangeProps: "all" });
  const isEmpty = summary.data?.current.count === 0 && summary.data.previous.count === 0;
  const tools = (
    <>
      <NameFilter by="agent" />
      <NameFilter by="model" />
      <PeriodPicker />
    </>
  );
  return (
    <Page title="Overview" tools={tools}>
      <Chips names={["mode"]} />
      {summary.isError && !summary.data ? (
        <Failed error={summary.error} retry={() => void summary.refetch()} />
      ) : isEmpty ? (
        <Nothing search={search} />
      ) : (
        <Content search={search} period={period} />
      )}
    </Page>
  );
}

function Content({ search, period }: { search: Search; period: Period }) {
  const change = useChange();
  const before = periodBefore(period);
  const summary = useQuery(summaryQuery(period, search));
  // Only of what is short is the number of evaluations waited for.
  const enabled = !isDividedByCount(period) || (summary.data !== undefined && !summary.isPlaceholderData);
  const interval = intervalOf(period, summary.data?.current.count);
  const tracks = useQuery({ ...tracksQuery(period, search, interval), refetchInterval: MINUTE, enabled });
  const tracksBefore = useQuery({ ...tracksQuery(before, search, interval), enabled });
  const zoom = (first: number, last: number) => {
    if (tracks.data) change({ ...zoomOf(tracks.data.times, tracks.data.period, first, last), days: undefined });
  };
  return (
    <>
      <Sentence search={search} period={period} />
      <Figures summary={summary.data} />
      <Charts
        {...{ summary: summary.data, period: before, onZoom: zoom, error: tracks.error }}
        tracks={tracks.data}
        before={tracksBefore.data}
      />
      <div className={styles.groups}>
        <GroupTable by="agent" period={period} search={search} />
        <GroupTable by="model" period={period} search={search} />
      </div>
    </>
  );
}

function Sentence({ search, period }: { search: Search; period: Period }) {
  const { data } = useQuery(summaryQuery(period, search));
  const agents = useGroups("agent", data, period, search);
  const models = useGroups("model", data, period, search);
  if (!data || !agents || !models) return <p className={styles.headline}>&nbsp;</p>;
  const told = headline(data.changes, [agents, models], periodLabel(search), data.previous.count === 0);
  return (
    <p className={styles.headline} data-tone={told.tone}>
      <span className={styles.headlineMark} aria-hidden="true" />
      {told.evidence ? (
        <Link to="/evaluations" search={(now) => ({ ...now, ...told.evidence })} className={styles.evidence}>
          {told.text}
        </Link>
      ) : (
        told.text
      )}
    </p>
  );
}

/** The groups now and before. Those before are only asked for where the sentence is about them. */
function useGroups(
  kind: Groups["kind"],
  summary: Summary | undefined,
  period: Period,
  search: Search,
): Groups | undefined {
  const enabled = summary !== undefined && hasCauses(toldOf(summary.changes));
  const { data: now } = useQuery(breakdownQuery(kind, period, search));
  const { data: before } = useQuery({ ...breakdownQuery(kind, periodBefore(period), search), enabled });
  if (!enabled) return { kind, now: [], before: [], isWhole: true };
  const isWhole = [now, before].every((each) => each?.groups === each?.rows.length);
  return now && before && { kind, now: now.rows, before: before.rows, isWhole };
}
