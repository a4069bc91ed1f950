import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, type Evaluation, told } from "../api/client";
import type { Search } from "../filters";
import { keptIn } from "../queries";
import { type Ask, justAfter, newerThan, olderAmong, type Placed } from "./neighbours";
import { listParams } from "./params";

const PAGE_ROWS = 100;
/** What is asked for to find a neighbour is read for one row. */
const NEIGHBOURS = 20;
const PAGES_MAX = 60;
/** Of a conversation, around the answer that is read. */
const TURNS_BEFORE = 50;
const TURNS_AFTER = 20;

export function listQuery(search: Search) {
  const params = listParams(search, Date.now());
  return infiniteQueryOptions({
    queryKey: ["evaluations", search.project, params],
    queryFn: ({ pageParam }) =>
      told(api.GET("/evaluations", { params: { query: { ...params, limit: PAGE_ROWS, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keptIn(search.project),
    refetchOnWindowFocus: false,
    staleTime: 60_000,
  });
}

export function evaluationQuery(id: string, project: string | undefined) {
  return queryOptions({
    queryKey: ["evaluation", project, id],
    queryFn: () => told(api.GET("/evaluations/{id}", { params: { path: { id } } })),
    // What is stored stays as it is.
    staleTime: 10 * 60_000,
  });
}

export type Which = "older" | "newer";

/** The id of the next older or newer one of the filter, asked for from the evaluation's own place; null: none. */
export function neighboursQuery(search: Search, here: Evaluation | undefined, which: Which) {
  return queryOptions({
    queryKey: ["neighbours", which, search, here?.id],
    queryFn: async () => {
      if (!here) return null;
      const { start_date, end_date, ...filters } = listParams(search, Date.now());
      const [start, end] = [Date.parse(start_date), end_date ? Date.parse(end_date) : Number.POSITIVE_INFINITY];
      const time = Date.parse(here.created_at);
      // Whoever follows a link to what is older than the period goes on from there.
      const [least, most] = time >= start && time < end ? [start, end] : [0, Number.POSITIVE_INFINITY];
      const ask = askOf(filters);
      if (which === "newer") {
        const within: typeof ask = (from, until, through) => ask(from, Math.min(until, most), through);
        return (await newerThan(here, Math.min(Date.now(), most), within)).at(-1)?.id ?? null;
      }
      return olderAmong(here, (await ask(least, justAfter(here), here)).rows)[0]?.id ?? null;
    },
    enabled: here !== undefined,
    staleTime: 60_000,
  });
}

export type Turns = { turns: Evaluation[]; hasEarlier: boolean; hasLater: boolean };

/** The conversation around an answer, in its order. */
export function sessionQuery(here: Evaluation, project: string | undefined) {
  return queryOptions({
    queryKey: ["session-evaluations", project, here.session_id, here.id],
    queryFn: async (): Promise<Turns> => {
      const ask = askOf({ session_id: here.session_id }, TURNS_BEFORE);
      const [before, after] = await Promise.all([
        ask(0, justAfter(here), here),
        newerThan(here, Date.now(), ask, TURNS_AFTER + 1),
      ]);
      const older = olderAmong(here, before.rows);
      const newer = after.toReversed();
      return {
        turns: [...older.slice(0, TURNS_BEFORE).toReversed(), here, ...newer.slice(0, TURNS_AFTER)],
        hasEarlier: before.hasMore || older.length > TURNS_BEFORE,
        hasLater: newer.length > TURNS_AFTER,
      };
    },
    enabled: here.session_id !== null,
    staleTime: 60_000,
  });
}

type Filters = Omit<ReturnType<typeof listParams>, "start_date" | "end_date"> | { session_id: string | null };

function askOf(filters: Filters, limit = NEIGHBOURS): Ask<Evaluation> {
  return async (start, end, through) => {
    const period = {
      start_date: start > 0 ? new Date(start).toISOString() : undefined,
      end_date: Number.isFinite(end) ? new Date(end).toISOString() : undefined,
    };
    const rows: Evaluation[] = [];
    let cursor: string | undefined;
    for (let pages = 0; pages < PAGES_MAX; pages += 1) {
      const query = { ...filters, ...period, limit: through && pages > 0 ? PAGE_ROWS : limit, cursor };
      const page = await told(api.GET("/evaluations", { params: { query } }));
      rows.push(...page.data);
      cursor = page.next_cursor ?? undefined;
      // A search for words ends its pages early.
      if (!cursor || (through ? isBehind(through, rows) : rows.length >= limit)) break;
    }
    return { rows, hasMore: cursor !== undefined };
  };
}

/** Whether the rows reach further back than this one. */
function isBehind(here: Placed, rows: Placed[]): boolean {
  const last = rows.at(-1);
  if (!last || last.id === here.id) return false;
  return rows.some(({ id }) => id === here.id) || Date.parse(last.created_at) < Date.parse(here.created_at);
}
