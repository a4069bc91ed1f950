import { infiniteQueryOptions } from "@tanstack/react-query";
import { api, told } from "../api/client";
import { hallucinatedOf } from "../evaluations/params";
import { DAY, type Period, periodOf, type Search } from "../filters";
import { keptIn } from "../queries";
import { ZONE } from "../ui/time";

/** The API reads conversations of so long at the most. */
export const DAYS_MAX = 31;
const TURNS = 100;

/** The end of the period, as far back as conversations can be read. */
export function sessionPeriodOf(search: Search, now: number): Period {
  const { start, end } = periodOf(search, now);
  const least = Date.parse(end) - DAYS_MAX * DAY;
  return { start: new Date(Math.max(Date.parse(start), least)).toISOString(), end };
}

export function sessionsQuery(search: Search) {
  const query = {
    ...sessionPeriodOf(search, Date.now()),
    time_zone: ZONE,
    agent_name: search.agent,
    model_name: search.model,
    hallucinated: hallucinatedOf(search),
  };
  return infiniteQueryOptions({
    queryKey: ["sessions", search.project, query],
    queryFn: ({ pageParam }) =>
      told(api.GET("/api/v1/sessions", { params: { query: { ...query, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keptIn(search.project),
  });
}

export function conversationQuery(session_id: string, project: string | undefined) {
  return infiniteQueryOptions({
    queryKey: ["conversation", project, session_id],
    queryFn: ({ pageParam }) => {
      const params = { path: { session_id }, query: { limit: TURNS, cursor: pageParam } };
      return told(api.GET("/api/v1/sessions/{session_id}", { params }));
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}
