import { Switch } from "@mantine/core";
import { type QueryClient, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Evaluation } from "../api/client";
import { type Listening, useStream } from "../api/stream";
import { PeriodPicker } from "../filterbar/PeriodPicker";
import type { Search } from "../filters";
import { Badge } from "../ui/Badge";
import { Failed } from "../ui/Failure";
import { Page } from "../ui/Page";
import { FilterBar } from "./FilterBar";
import { Marked } from "./Marked";
import { Nothing } from "./Nothing";
import { listQuery, wantedOf } from "./queries";
import { Table } from "./Table";

const LIVE_ROWS_MAX = 500;
/** A search for what is rare ends its pages early; after so many the reader is asked whether to go on. */
const PAGES_AT_ONCE = 20;
const LIVE: Record<Listening, string> = { connecting: "Connecting", live: "Live", waiting: "Reconnecting" };

export function Screen() {
  const search = useSearch({ from: "/signed-in" });
  const [isLive, setLive] = useState(false);
  const list = useInfiniteQuery(listQuery(search));
  const [tail, state] = useTail(search, isLive);
  const stored = useMemo(() => list.data?.pages.flatMap((page) => page.data) ?? [], [list.data]);
  const rows = useMemo(() => withTail(tail, stored), [tail, stored]);
  const tools = (
    <>
      {isLive && (
        <Badge tone={state === "live" ? "good" : "warn"} dot>
          {LIVE[state]}
        </Badge>
      )}
      <Switch
        label="Live tail"
        size="xs"
        checked={isLive}
        disabled={search.end !== undefined || search.q !== undefined}
        onChange={(event) => setLive(event.currentTarget.checked)}
      />
      <PeriodPicker />
    </>
  );
  return (
    <Page title="Evaluations" tools={tools}>
      <FilterBar />
      <Marked />
      {list.isError && !list.data ? (
        <Failed error={list.error} retry={() => void list.refetch()} />
      ) : (
        <Table
          key={JSON.stringify(search)}
          rows={rows}
          fresh={tail.length}
          isLoading={list.isPending}
          hasMore={list.hasNextPage}
          isSearching={search.q !== undefined && list.isFetchingNextPage}
          mayGoOn={(list.data?.pages.length ?? 0) % PAGES_AT_ONCE !== 0 || search.q === undefined}
          more={() => !list.isFetchingNextPage && void list.fetchNextPage()}
          empty={<Nothing search={search} />}
        />
      )}
    </Page>
  );
}

/** What arrived since the live tail was switched on, newest first. */
function useTail(search: Search, isLive: boolean): [Evaluation[], Listening] {
  const [tail, setTail] = useState<Evaluation[]>([]);
  const client = useQueryClient();
  const [shown, setShown] = useState({ isLive, search });
  if (shown.isLive !== isLive || JSON.stringify(shown.search) !== JSON.stringify(search)) {
    setShown({ isLive, search });
    setTail([]);
    // What came in while nobody listened is in the list.
    if (isLive) void client.invalidateQueries({ queryKey: ["evaluations"] });
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
  const latest = useRef(tail);
  latest.current = tail;
  // Whoever opens one of these finds its neighbours.
  useEffect(() => () => keepInList(client, search, latest.current), [client, search]);
  return [tail, state];
}

function keepInList(client: QueryClient, search: Search, tail: Evaluation[]): void {
  if (tail.length === 0) return;
  client.setQueryData(listQuery(search).queryKey, (list) => {
    const [first, ...others] = list?.pages ?? [];
    return list && first && { ...list, pages: [{ ...first, data: withTail(tail, first.data) }, ...others] };
  });
}

function withTail(tail: Evaluation[], stored: Evaluation[]): Evaluation[] {
  if (tail.length === 0) return stored;
  const known = new Set<string>();
  return [...tail, ...stored].filter(({ id }) => !known.has(id) && known.add(id));
}
