import { UnstyledButton } from "@mantine/core";
import { useRouter, useSearch } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import {
  type MouseEvent,
  memo,
  type ReactNode,
  type SyntheticEvent,
  useCallback,
  useEffect,
  useMemo,
  useRef,
} from "react";
import type { Evaluation } from "../api/client";
import { Bar } from "../ui/Badge";
import { Glyph } from "../ui/icons";
import { exactCount, score, seconds } from "../ui/numbers";
import { Skeleton } from "../ui/Page";
import { fullTime, listTime } from "../ui/time";
import styles from "./evaluations.module.css";
import { Found } from "./Found";
import { alone, LATE, useKeys } from "./keys";
import { FROM_LIST } from "./leave";
import { read } from "./read";
import { nameOf } from "./text";
import { fromFound } from "./words";

const ROW_PX = 52;
const ROWS_AHEAD = 12;
/** What stays above the rows when they scroll, on a phone too. */
const HEAD_PX = 82;
const SKELETONS = 12;
const VERDICTS = [
  { verdict: "bad", label: "Hallucinated" },
  { verdict: "good", label: "Grounded" },
  { verdict: "none", label: "No verdict" },
] as const;
/** Stands for an id in an address that is made once. */
const SOMETHING = "-id-";

type Props = {
  rows: Evaluation[];
  /** How many at the top arrived while the list was shown. */
  fresh: number;
  /** How many more have come above the first one, and what shows them. */
  held: number;
  release: () => void;
  isLoading: boolean;
  hasMore: boolean;
  isSearching: boolean;
  /** The words that were looked for. */
  q: string | undefined;
  /** Whether the next page is loaded without being asked for. */
  mayGoOn: boolean;
  /** The next page was asked for, and could not be had. */
  hasFailed: boolean;
  more: () => void;
  empty: ReactNode;
};

/** As many rows as there are, of which only those in sight are in the page; that is why it is no <table>. */
export function Table(props: Props) {
  const { rows, fresh, held, release, isLoading, hasMore, isSearching, q, mayGoOn, hasFailed, more, empty } = props;
  const body = useRef<HTMLDivElement>(null);
  const { hrefOf, ...opening } = useOpening();
  // Another function would have all rows measured anew, at each step of scrolling.
  const keyOf = useCallback((index: number) => rows[index]?.id ?? index, [rows]);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => ROW_PX,
    overscan: ROWS_AHEAD,
    scrollMargin: body.current?.offsetTop ?? 0,
    getItemKey: keyOf,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && mayGoOn && last >= rows.length - ROWS_AHEAD * 2) more();
  }, [hasMore, mayGoOn, last, rows.length, more]);
  // Where it was comes later than its first rows do.
  useEffect(() => {
    if (document.activeElement === document.body) read.find(body.current)?.focus({ preventScroll: true });
  });
  useKeys([
    ["j", alone(() => step(body.current, 1)), LATE],
    ["k", alone(() => step(body.current, -1)), LATE],
  ]);
  if (!isLoading && !hasMore && rows.length === 0) return empty;
  return (
    <div className={styles.table}>
      <div className={styles.news} aria-live="polite">
        {held > 0 && (
          <UnstyledButton className={styles.newsButton} onClick={release}>
            <Glyph name="up" size={12} /> {exactCount(held)} new
          </UnstyledButton>
        )}
      </div>
      <div role="table" aria-label="Evaluations" aria-rowcount={hasMore ? -1 : rows.length + 1}>
        <Head />
        <div
          ref={body}
          className={styles.body}
          role="rowgroup"
          style={{ height: virtual.getTotalSize() || undefined }}
          {...opening}
        >
          {isLoading && Array.from({ length: SKELETONS }, (_, index) => <Waiting key={String(index)} />)}
          {items.map((item) => {
            const row = rows[item.index];
            const top = item.start - virtual.options.scrollMargin;
            if (!row) return null;
            const { key, index } = item;
            return (
              <Row key={key} row={row} q={q} href={hrefOf(row.id)} index={index} top={top} isFresh={index < fresh} />
            );
          })}
        </div>
      </div>
      <div className={styles.foot}>
        <p aria-live="polite">
          {!isLoading && footOf(rows.length, hasMore, isSearching, hasFailed)}
          {hasMore && !mayGoOn && !isSearching && (
            <UnstyledButton className={styles.further} onClick={more}>
              {hasFailed ? "Try again" : "Search further back"}
            </UnstyledButton>
          )}
        </p>
        <p className={styles.meaning}>
          {VERDICTS.map(({ verdict, label }) => (
            <span key={verdict}>
              <i className={styles.verdict} data-verdict={verdict} /> {label}
            </span>
          ))}
        </p>
      </div>
    </div>
  );
}

/** The focus goes so many rows further, or from nowhere to the first one in sight; Enter opens it, as any link. */
function step(list: Element | null, by: number): void {
  const links = [...(list?.querySelectorAll<HTMLElement>("a[data-id]") ?? [])];
  const at = links.indexOf(document.activeElement as HTMLElement);
  const next = at < 0 ? links.find((each) => each.getBoundingClientRect().top > HEAD_PX) : links[at + by];
  next?.focus();
}

/** Where the rows lead, and what opens them: a router's link for each row costs more than all else in the row does. */
function useOpening() {
  const router = useRouter();
  const search = useSearch({ from: "/signed-in" });
  return useMemo(() => {
    const placeOf = (id: string) => ({ to: "/evaluations/$id", params: { id }, search }) as const;
    const idOf = ({ target }: SyntheticEvent) => (target as Element).closest("a")?.dataset.id;
    const [before, after] = router.buildLocation(placeOf(SOMETHING)).href.split(SOMETHING);
    const preload = (event: SyntheticEvent) => {
      const id = idOf(event);
      if (id) void router.preloadRoute(placeOf(id));
    };
    return {
      hrefOf: (id: string) => `${before}${id}${after}`,
      onClick: (event: MouseEvent) => {
        const id = idOf(event);
        if (!id || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        void router.navigate({ ...placeOf(id), state: FROM_LIST });
      },
      onFocus: preload,
      onMouseOver: preload,
    };
  }, [router, search]);
}

function footOf(count: number, hasMore: boolean, isSearching: boolean, hasFailed: boolean): string {
  if (isSearching) return `${exactCount(count)} found; searching further back …`;
  if (hasMore && hasFailed) return `${exactCount(count)} loaded; the next could not be loaded`;
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

type RowProps = { row: Evaluation; q: string | undefined; href: string; index: number; top: number; isFresh: boolean };

/** Kept as it is while the list scrolls. */
const Row = memo(function Row({ row, q, href, index, top, isFresh }: RowProps) {
  const { verdict, label } = VERDICTS[row.hallucinated === null ? 2 : row.hallucinated ? 0 : 1];
  return (
    <div
      className={`${styles.row} ${styles.bodyRow}`}
      role="row"
      aria-rowindex={index + 2}
      data-fresh={isFresh || undefined}
      style={{ transform: `translateY(${top}px)` }}
    >
      <span role="cell" className={`${styles.time} num`} title={`${fullTime(row.created_at)}: ${label.toLowerCase()}`}>
        <i className={styles.verdict} data-verdict={verdict} />
        <span className={styles.hidden}>{label}</span>
        {listTime(row.created_at, new Date())}
      </span>
      <span role="cell" className={styles.texts}>
        <a href={href} data-id={row.id} className={styles.open} dir="auto">
          <Found text={nameOf(fromFound(row.prompt, q))} q={q} />
        </a>
        <span className={styles.response} dir="auto">
          <Found text={nameOf(fromFound(row.response, q))} q={q} />
        </span>
      </span>
      <span role="cell" className={styles.name} dir="auto">
        {row.agent_name}
      </span>
      <span role="cell" className={styles.name} dir="auto">
        {row.model_name}
      </span>
      <span role="cell" className={`${styles.score} num`}>
        {score(row.hallucination_probability)}
        {row.hallucination_probability !== null && (
          <Bar value={row.hallucination_probability} tone={row.hallucinated ? "bad" : "neutral"} />
        )}
      </span>
      <span role="cell" className={`${styles.latency} num`}>
        {seconds(row.latency_sec)}
      </span>
    </div>
  );
});
