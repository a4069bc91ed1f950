import { Button, SegmentedControl } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import type { Schemas } from "../api/client";
import { NameFilter } from "../filterbar/NameFilter";
import { PeriodPicker, useChange } from "../filterbar/PeriodPicker";
import { periodOf, type Search } from "../filters";
import { Failed } from "../ui/Failure";
import { exactCount, lasted, NOTHING, percent, seconds } from "../ui/numbers";
import { Empty, Page, Panel, Skeleton, Wide } from "../ui/Page";
import { fullTime, listTime } from "../ui/time";
import { DAYS_MAX, sessionPeriodOf, sessionsQuery } from "./queries";
import styles from "./sessions.module.css";

const COLUMNS: { label: string; isNumber?: true }[] = [
  { label: "Session" },
  { label: "Last answer" },
  { label: "Answers", isNumber: true },
  { label: "Hallucinated", isNumber: true },
  { label: "Lasted", isNumber: true },
  { label: "Mean latency", isNumber: true },
  { label: "Agents" },
  { label: "Models" },
];

export function Screen() {
  const search = useSearch({ from: "/signed-in" });
  const change = useChange();
  const list = useInfiniteQuery(sessionsQuery(search));
  const sessions = list.data?.pages.flatMap((page) => page.data) ?? [];
  const isCut = sessionPeriodOf(search, Date.now()).start !== periodOf(search, Date.now()).start;
  const tools = (
    <>
      <SegmentedControl
        size="xs"
        aria-label="Verdict"
        data={[
          { value: "", label: "All" },
          { value: "hallucinated", label: "With a hallucination" },
          { value: "grounded", label: "Without" },
        ]}
        value={search.verdict ?? ""}
        onChange={(verdict) => change({ verdict: (verdict || undefined) as Search["verdict"] })}
      />
      <NameFilter by="agent" />
      <NameFilter by="model" />
      <PeriodPicker />
    </>
  );
  return (
    <Page title="Sessions" tools={tools}>
      {isCut && (
        <p className={styles.note}>Conversations are read for {DAYS_MAX} days at the most: these are the last.</p>
      )}
      {list.isError && !list.data && <Failed error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && <Skeleton height={480} />}
      {list.data && (
        <Panel>
          {sessions.length === 0 ? (
            <Empty title="No conversations match">
              Evaluations that share a session_id are a conversation. Choose a longer period, or send that field.
            </Empty>
          ) : (
            <Table sessions={sessions} search={search} />
          )}
          {list.hasNextPage && (
            <Button
              variant="subtle"
              size="xs"
              m={10}
              loading={list.isFetchingNextPage}
              onClick={() => void list.fetchNextPage()}
            >
              More conversations
            </Button>
          )}
        </Panel>
      )}
    </Page>
  );
}

function Table({ sessions, search }: { sessions: Schemas["Session"][]; search: Search }) {
  return (
    <Wide label="Conversations">
      <table className={styles.table}>
        <thead>
          <tr>
            {COLUMNS.map(({ label, isNumber }) => (
              <th key={label} scope="col" data-number={isNumber || undefined}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sessions.map((session) => (
            <tr key={session.session_id}>
              <th scope="row">
                <Link
                  to="/sessions/view"
                  search={{ ...search, of: session.session_id } as Search}
                  className={styles.open}
                >
                  {session.session_id}
                </Link>
              </th>
              <td className="num" title={fullTime(session.last_at)}>
                {listTime(session.last_at, new Date())}
              </td>
              <td className="num" data-number>
                {exactCount(session.evaluations)}
              </td>
              <td className="num" data-number data-bad={session.hallucinations > 0 || undefined}>
                {session.hallucination_rate === null ? NOTHING : session.hallucinations}
                {session.hallucinations > 0 && (
                  <span className={styles.soft}> ({percent(session.hallucination_rate)})</span>
                )}
              </td>
              <td className="num" data-number>
                {session.evaluations > 1 ? lasted(session.duration_s) : NOTHING}
              </td>
              <td className="num" data-number>
                {seconds(session.avg_latency)}
              </td>
              <Names of={session.agents} />
              <Names of={session.models} />
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

function Names({ of }: { of: string[] }) {
  const text = of.join(", ");
  return <td title={text}>{text}</td>;
}
