/** What more than one screen asks the server, and how answers are kept. */

import { QueryClient, queryOptions } from "@tanstack/react-query";
import { api, Problem, told } from "./api/client";
import { namesOf, type Period, type Search } from "./filters";
import { ZONE } from "./ui/time";

const RETRIES = 2;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      gcTime: 10 * 60_000,
      retry: (failures, error) => failures < RETRIES && !(error instanceof Problem && error.isFinal),
      refetchOnWindowFocus: true,
    },
  },
});

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: () => told(api.GET("/auth/me")),
  staleTime: 5 * 60_000,
});

/** What was shown until another answer comes, unless it is of another project: keys name theirs second. */
export function keptIn(project: string | undefined) {
  return <T>(shown: T | undefined, of: { queryKey: readonly unknown[] } | undefined): T | undefined =>
    of?.queryKey[1] === project ? shown : undefined;
}

/** The largest groups of a period: for tables, and to choose from. */
export function breakdownQuery(by: "agent" | "model", period: Period, search: Search) {
  const query = { ...period, ...namesOf(search), by: [by], time_zone: ZONE, limit: 100 };
  return queryOptions({
    queryKey: ["breakdown", search.project, query],
    queryFn: () => told(api.GET("/api/v1/analytics/breakdown", { params: { query } })),
    placeholderData: keptIn(search.project),
  });
}
