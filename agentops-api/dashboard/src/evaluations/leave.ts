/** The way back to where one came from, to the place in it: the browser knows, if one came from there. */

import type { HistoryState } from "@tanstack/react-router";
import { useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";
import { searchOf } from "../filters";

declare module "@tanstack/react-router" {
  interface HistoryState {
    /** How many steps back the list is. */
    fromList?: number;
    /** How many steps back the conversation is; no list lies between. */
    fromSession?: number;
  }
}

/** The state of an address that the list leads to. */
export const FROM_LIST: HistoryState = { fromList: 1 };
/** The state of an address that a conversation leads to. */
export const FROM_SESSION: HistoryState = { fromSession: 1 };

/** The state of an address that an evaluation leads to: one step further from where one came from. */
export function further({ fromList, fromSession }: HistoryState): HistoryState {
  return { ...(fromList && { fromList: fromList + 1 }), ...(fromSession && { fromSession: fromSession + 1 }) };
}

/** To the list. */
export function useLeave(): () => void {
  const router = useRouter();
  const navigate = useNavigate();
  const search = useSearch({ from: "/signed-in" });
  return useCallback(() => {
    const steps = router.history.location.state.fromList;
    if (steps) router.history.go(-steps);
    else void navigate({ to: "/evaluations", search: searchOf(search) });
  }, [router, navigate, search]);
}

/** To the conversation one came from; null where one came from elsewhere. */
export function useReturn(): (() => void) | null {
  const { history } = useRouter();
  // Counted again when it is used: the next evaluation may be on its way, and not drawn yet.
  const steps = () => history.location.state.fromSession;
  return steps() ? () => history.go(-(steps() ?? 1)) : null;
}
