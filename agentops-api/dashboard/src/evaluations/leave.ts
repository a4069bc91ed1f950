/** The way back to the list, to where in it one was: the browser knows, if one came from there. */

import type { HistoryState } from "@tanstack/react-router";
import { useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

declare module "@tanstack/react-router" {
  interface HistoryState {
    /** How many steps back the list is. */
    fromList?: number;
  }
}

/** The state of an address that the list leads to. */
export const FROM_LIST: HistoryState = { fromList: 1 };

/** The state of an address that an evaluation leads to: one step further from the list, if one came from it. */
export function furtherFromList({ fromList }: HistoryState): HistoryState {
  return fromList ? { fromList: fromList + 1 } : {};
}

export function useLeave(): () => void {
  const router = useRouter();
  const navigate = useNavigate();
  const search = useSearch({ from: "/signed-in" });
  return useCallback(() => {
    const steps = router.history.location.state.fromList;
    if (steps) router.history.go(-steps);
    else void navigate({ to: "/evaluations", search });
  }, [router, navigate, search]);
}
