import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import type { Schemas } from "../api/client";
import { NameFilter } from "../filterbar/NameFilter";
import { PeriodPicker, useChange } from "../filterbar/PeriodPicker";
import { type Period, periodBefore, periodLabel, periodOf, type Search, zoomOf } from "../filters";
import { breakdownQuery } from "../queries";
import { Failed } from "../ui/Failure";
import { Empty, Page, Panel } from "../ui/Page";
import { Charts } from "./Charts";
import { Figures } from "./Figures";
import { GroupTable } from "./GroupTable";
import { type Groups, hasCauses, headline, toldOf } from "./headline";
import styles from "./overview.module.css";
import { summaryQuery, tracksQuery } from "./queries";

const MINUTE = 60_000;

export function Screen() {
  const search = useSearch({ from: "/signed-in" });
  const period = periodOf(search, Date.now());
  const summary = useQuery({ ...summaryQuery(period, search), refetchInterval: MINUTE });
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
  const tracks = useQuery({ ...tracksQuery(period, search), refetchInterval: MINUTE });
  const tracksBefore = useQuery(tracksQuery(before, search));
  const zoom = (start: number, end: number) => {
    change({ ...zoomOf(start, end), days: undefined });
  };
  return (
    <>
      <Sentence search={search} period={period} />
      <Figures summary={summary.data} />
      <Charts tracks={tracks.data} before={tracksBefore.data} onZoom={zoom} error={tracks.error} />
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
      {told.text}
    </p>
  );
}

/** The groups now and before. Those before are only asked for where the sentence is about them. */
function useGroups(
  kind: Groups["kind"],
  summary: Schemas["Summary"] | undefined,
  period: Period,
  search: Search,
): Groups | undefined {
  const enabled = summary !== undefined && hasCauses(toldOf(summary.changes));
  const now = useQuery(breakdownQuery(kind, period, search)).data?.rows;
  const before = useQuery({ ...breakdownQuery(kind, summaryBefore(period), search), enabled }).data?.rows;
  if (!enabled) return { kind, now: [], before: [] };
  return now && before && { kind, now, before };
}

/** The period that the summary compares with: as long, and just before. */
function summaryBefore({ start, end }: Period): Period {
  return { start: new Date(2 * Date.parse(start) - Date.parse(end)).toISOString(), end: start };
}

function Nothing({ search }: { search: Search }) {
  const change = useChange();
  const isFiltered = search.agent ?? search.model ?? search.start ?? search.days;
  return (
    <Panel>
      {isFiltered ? (
        <Empty
          title="No evaluations match"
          action={
            <button
              type="button"
              className={styles.plain}
              onClick={() =>
                change({ agent: undefined, model: undefined, start: undefined, end: undefined, days: "30" })
              }
            >
              Show everything of the last 30 days
            </button>
          }
        >
          Nothing was sent in this period by this agent and model.
        </Empty>
      ) : (
        <Empty title="No evaluations yet" action={<Link to="/connect">Connect your agent</Link>}>
          As soon as an agent sends its first evaluation, its hallucination rate, latency and scores are here.
        </Empty>
      )}
    </Panel>
  );
}
