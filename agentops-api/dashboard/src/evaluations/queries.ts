import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, told } from "../api/client";
import type { Wanted } from "../api/stream";
import { namesOf, periodOf, type Search } from "../filters";

const PAGE_ROWS = 100;
const SESSION_ROWS_MAX = 100;

/** What the list asks for. `until`: up to which time, so that what arrives later does not shift the pages. */
export function listParams(search: Search, now: number) {
  const period = periodOf(search, now);
  return {
    ...namesOf(search),
    q: search.q,
    session_id: search.session,
    hallucinated: hallucinatedOf(search),
    min_hallucination_probability: search.min ? Number(search.min) : undefined,
    start_date: period.start,
    end_date: search.end ? period.end : undefined,
  };
}

/** What the live tail asks for, and what it cannot ask for and so must look at itself. */
export function wantedOf(search: Search): Wanted {
  return {
    ...(search.agent && { agent_name: search.agent }),
    ...(search.model && { model_name: search.model }),
    ...(search.session && { session_id: search.session }),
    ...(search.verdict && { hallucinated: search.verdict === "hallucinated" }),
  };
}

export function hallucinatedOf(search: Search): boolean | undefined {
  return search.verdict && search.verdict === "hallucinated";
}

export function listQuery(search: Search) {
  const params = listParams(search, Date.now());
  return infiniteQueryOptions({
    queryKey: ["evaluations", search.project, params],
    queryFn: ({ pageParam }) =>
      told(api.GET("/evaluations", { params: { query: { ...params, limit: PAGE_ROWS, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
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

export function sessionQuery(sessionId: string | null, project: string | undefined) {
  return queryOptions({
    queryKey: ["session-evaluations", project, sessionId],
    queryFn: async () => {
      const query = { session_id: sessionId, limit: SESSION_ROWS_MAX };
      const page = await told(api.GET("/evaluations", { params: { query } }));
      return page.data.toReversed();
    },
    enabled: sessionId !== null,
  });
}
