/** What arrives while the list is shown, and how it comes into the list. */

import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Evaluation } from "../api/client";
import { type Listening, useStream } from "../api/stream";
import type { Search } from "../filters";
import { wantedOf } from "./params";
import { listQuery } from "./queries";

const LIVE_ROWS_MAX = 500;
/** So far down the first row is no longer what one looks at. */
const READING_PX = 60;

/** What arrived since the live tail was switched on, newest first. */
export function useTail(search: Search, isLive: boolean): [Evaluation[], Listening] {
  const [tail, setTail] = useState<Evaluation[]>([]);
  const client = useQueryClient();
  const key = JSON.stringify(search);
  const [shown, setShown] = useState({ isLive, key });
  if (shown.isLive !== isLive || shown.key !== key) {
    setShown({ isLive, key });
    setTail([]);
  }
  const least = search.min ? Number(search.min) : 0;
  const add = useCallback(
    (each: Evaluation) => {
      if (least > 0 && (each.hallucination_probability ?? 0) < least) return;
      if (search.mode && each.mode !== search.mode) return;
      setTail((now) => [each, ...now].slice(0, LIVE_ROWS_MAX));
    },
    [least, search.mode],
  );
  const state = useStream(isLive ? wantedOf(search) : null, add);
  // What came in while nobody listened is in the list, which may have failed meanwhile.
  // biome-ignore lint/correctness/useExhaustiveDependencies: with other filters, the list is another one.
  useEffect(() => {
    if (isLive && state === "live") void client.invalidateQueries({ queryKey: ["evaluations"] });
  }, [isLive, state, key, client]);
  const latest = useRef(tail);
  latest.current = tail;
  // Whoever opens one of these finds its neighbours.
  useEffect(() => () => keepInList(client, search, latest.current), [client, search]);
  return [tail, state];
}

/** The rows without those that came above the first one after the reader had scrolled down; and how many came. */
export function useHeld(rows: Evaluation[], key: string): [Evaluation[], number, () => void] {
  const [top, setTop] = useState<string | null>(null);
  const first = useRef<string | null>(null);
  useLayoutEffect(() => {
    const look = () => setTop((now) => (window.scrollY < READING_PX ? null : (now ?? first.current)));
    look();
    window.addEventListener("scroll", look, { passive: true });
    return () => window.removeEventListener("scroll", look);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the rows of other filters are others.
  useLayoutEffect(() => setTop(null), [key]);
  const held =
    top === null
      ? 0
      : Math.max(
          0,
          rows.findIndex(({ id }) => id === top),
        );
  first.current = rows[held]?.id ?? null;
  const release = () => {
    setTop(null);
    window.scrollTo(0, 0);
  };
  return [held > 0 ? rows.slice(held) : rows, held, release];
}

export function withTail(tail: Evaluation[], stored: Evaluation[]): Evaluation[] {
  if (tail.length === 0) return stored;
  const known = new Set<string>();
  return [...tail, ...stored].filter(({ id }) => !known.has(id) && known.add(id));
}

function keepInList(client: QueryClient, search: Search, tail: Evaluation[]): void {
  if (tail.length === 0) return;
  client.setQueryData(listQuery(search).queryKey, (list) => {
    const [first, ...others] = list?.pages ?? [];
    return list && first && { ...list, pages: [{ ...first, data: withTail(tail, first.data) }, ...others] };
  });
}
