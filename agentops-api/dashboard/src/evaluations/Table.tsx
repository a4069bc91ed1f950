import { UnstyledButton } from "@mantine/core";
import { Link, useSearch } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { memo, type ReactNode, useEffect, useRef } from "react";
import type { Evaluation } from "../api/client";
import { Bar } from "../ui/Badge";
import { exactCount, score, seconds } from "../ui/numbers";
import { Skeleton } from "../ui/Page";
import { fullTime, listTime } from "../ui/time";
import styles from "./evaluations.module.css";

const ROW_PX = 52;
const ROWS_AHEAD = 12;
const SKELETONS = 12;

type Props = {
  rows: Evaluation[];
  /** How many at the top arrived while the list was shown. */
  fresh: number;
  isLoading: boolean;
  hasMore: boolean;
  isSearching: boolean;
  /** Whether the next page is loaded without being asked for. */
  mayGoOn: boolean;
  more: () => void;
  empty: ReactNode;
};

/** As many rows as there are, of which only those in sight are in the page; that is why it is no <table>. */
export function Table({ rows, fresh, isLoading, hasMore, isSearching, mayGoOn, more, empty }: Props) {
  const body = useRef<HTMLDivElement>(null);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => ROW_PX,
    overscan: ROWS_AHEAD,
    scrollMargin: body.current?.offsetTop ?? 0,
    getItemKey: (index) => rows[index]?.id ?? index,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && mayGoOn && last >= rows.length - ROWS_AHEAD * 2) more();
  }, [hasMore, mayGoOn, last, rows.length, more]);
  if (!isLoading && !hasMore && rows.length === 0) return empty;
  return (
    <div className={styles.table}>
      <div role="table" aria-label="Evaluations" aria-rowcount={hasMore ? -1 : rows.length + 1}>
        <Head />
        <div ref={body} className={styles.body} role="rowgroup" style={{ height: virtual.getTotalSize() || undefined }}>
          {isLoading && Array.from({ length: SKELETONS }, (_, index) => <Waiting key={String(index)} />)}
          {items.map((item) => {
            const row = rows[item.index];
            const top = item.start - virtual.options.scrollMargin;
            return row && <Row key={item.key} row={row} index={item.index} top={top} isFresh={item.index < fresh} />;
          })}
        </div>
      </div>
      <p className={styles.foot} aria-live="polite">
        {!isLoading && footOf(rows.length, hasMore, isSearching)}
        {hasMore && !mayGoOn && !isSearching && (
          <UnstyledButton className={styles.further} onClick={more}>
            Search further back
          </UnstyledButton>
        )}
      </p>
    </div>
  );
}

function footOf(count: number, hasMore: boolean, isSearching: boolean): string {
  if (isSearching) return `${exactCount(count)} found; searching further back …`;
  return hasMore ? `${exactCount(count)} loaded; more as you scroll` : `${exactCount(count)} evaluations`;
}

function Head() {
  return (
    <div role="rowgroup" className={styles.head}>
      <div className={`${styles.row} ${styles.headRow}`} role="row">
        {["Time", "Prompt and response", "Agent", "Model", "Probability", "Latency"].map((label) => (
          <span key={label} role="columnheader">
            {label}
          </span>
        ))}
      </div>
    </div>
  );
}

function Waiting() {
  return (
    <div className={styles.row}>
      <Skeleton height={14} width={90} />
      <Skeleton height={14} width="70%" />
    </div>
  );
}

type RowProps = { row: Evaluation; index: number; top: number; isFresh: boolean };

/** Kept as it is while the list scrolls: a link costs the router more than all else in it. */
const Row = memo(function Row({ row, index, top, isFresh }: RowProps) {
  const search = useSearch({ from: "/signed-in" });
  const verdict = row.hallucinated === null ? "none" : row.hallucinated ? "bad" : "good";
  return (
    <div
      className={`${styles.row} ${styles.bodyRow}`}
      role="row"
      aria-rowindex={index + 2}
      data-fresh={isFresh || undefined}
      style={{ transform: `translateY(${top}px)` }}
    >
      <span role="cell" className={`${styles.time} num`} title={fullTime(row.created_at)}>
        <i className={styles.verdict} data-verdict={verdict} />
        <span className={styles.hidden}>
          {verdict === "bad" ? "Hallucinated" : verdict === "good" ? "Grounded" : "No verdict"}
        </span>
        {listTime(row.created_at, new Date())}
      </span>
      <span role="cell" className={styles.texts}>
        <Link to="/evaluations/$id" params={{ id: row.id }} search={search} className={styles.open}>
          {row.prompt.slice(0, 300) || "(empty prompt)"}
        </Link>
        <span className={styles.response}>{row.response.slice(0, 300)}</span>
      </span>
      <span role="cell" className={styles.name}>
        {row.agent_name}
      </span>
      <span role="cell" className={styles.name}>
        {row.model_name}
      </span>
      <span role="cell" className={`${styles.score} num`}>
        {score(row.hallucination_probability)}
        <Bar value={row.hallucination_probability} tone={row.hallucinated ? "bad" : "neutral"} />
      </span>
      <span role="cell" className={`${styles.latency} num`}>
        {seconds(row.latency_sec)}
      </span>
    </div>
  );
});
