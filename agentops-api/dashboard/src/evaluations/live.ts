/** Whether the live tail is on: it stays so while one reads an evaluation, and is forgotten with the tab. */

import { useSyncExternalStore } from "react";

let isOn = false;
const listeners = new Set<() => void>();

export function setLive(next: boolean): void {
  isOn = next;
  for (const listener of listeners) listener();
}

export function useLive(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => isOn,
  );
}
