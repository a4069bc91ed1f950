import { Button, Switch } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Listening } from "../api/stream";
import { PeriodPicker } from "../filterbar/PeriodPicker";
import type { Search } from "../filters";
import { Badge } from "../ui/Badge";
import { Failed } from "../ui/Failure";
import { Page } from "../ui/Page";
import styles from "./evaluations.module.css";
import { FilterBar } from "./FilterBar";
import { setLive, useLive } from "./live";
import { Marked } from "./Marked";
import { Nothing } from "./Nothing";
import { listQuery } from "./queries";
import { Table } from "./Table";
import { useHeld, useTail, withTail } from "./tail";
import { soughtOf } from "./words";

/** A search for what is rare ends its pages early; after so many the reader is asked whether to go on. */
const PAGES_AT_ONCE = 20;
const LIVE: Record<Listening, string> = { connecting: "Connecting", live: "Live", waiting: "Reconnecting" };

export function Screen() {
  const search = useSearch({ from: "/signed-in" });
  const key = JSON.stringify(search);
  // A period that has ended gets no more, and words are not looked for in what arrives.
  const mayBeLive = search.end === undefined && search.q === undefined;
  const isLive = useLive() && mayBeLive;
  const list = useInfiniteQuery(listQuery(search));
  const [tail, state] = useTail(search, isLive);
  const pages = list.data?.pages.length ?? 0;
  const stored = useMemo(() => list.data?.pages.flatMap((page) => page.data) ?? [], [list.data]);
  const all = useMemo(() => withTail(tail, stored), [tail, stored]);
  const [rows, held, release] = useHeld(all, key);
  const exported = { to: "/settings", search: { ...search, section: "data" } as Search, hash: "export" } as const;
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
        disabled={!mayBeLive}
        aria-describedby={mayBeLive ? undefined : "why-not-live"}
        onChange={(event) => setLive(event.currentTarget.checked)}
      />
      {!mayBeLive && (
        <span id="why-not-live" className={styles.why}>
          {search.end === undefined ? "not while words are searched" : "not of a period that ends"}
        </span>
      )}
      <Button size="xs" variant="default" renderRoot={(props) => <Link {...exported} {...props} />}>
        Export this list
      </Button>
      <PeriodPicker />
    </>
  );
  const other = (
    <Link to="/evaluations" search={{ project: search.project }}>
      Without filters
    </Link>
  );
  return (
    <Page title="Evaluations" tools={tools}>
      <FilterBar />
      <Marked />
      {list.isError && !list.data ? (
        <Failed error={list.error} retry={() => void list.refetch()} other={other} />
      ) : (
        <Table
          key={key}
          rows={rows}
          fresh={Math.max(0, tail.length - held)}
          held={held}
          release={release}
          isLoading={list.isPending}
          hasMore={list.hasNextPage}
          isSearching={search.q !== undefined && list.isFetchingNextPage}
          q={soughtOf(search.q).q}
          mayGoOn={!list.isFetchNextPageError && (pages % PAGES_AT_ONCE !== 0 || search.q === undefined)}
          hasFailed={list.isFetchNextPageError && !list.isFetchingNextPage}
          more={() => !list.isFetchingNextPage && void list.fetchNextPage()}
          empty={<Nothing search={search} />}
        />
      )}
    </Page>
  );
}
