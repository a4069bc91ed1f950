/** The evaluation that was marked to be compared with another one; it is forgotten with the tab. */

import { useSyncExternalStore } from "react";

let id: string | null = null;
const listeners = new Set<() => void>();

export const marked = {
  set(next: string | null): void {
    id = next;
    for (const listener of listeners) listener();
  },
};

export function useMarked(): string | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => id,
  );
}
