/** What the address says, as the API is asked for it. */

import type { Wanted } from "../api/stream";
import { namesOf, periodOf, type Search } from "../filters";
import { soughtOf } from "./words";

/** What the list asks for. `until`: up to which time, so that what arrives later does not shift the pages. */
export function listParams(search: Search, now: number) {
  const period = periodOf(search, now);
  return {
    ...namesOf(search),
    q: soughtOf(search.q).q,
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
