/** Keys that work on a whole screen, unless something lies above it. */

import { getHotkeyHandler, type HotkeyItem } from "@mantine/hooks";
import { useLayoutEffect, useRef } from "react";

const ABOVE = '[role="dialog"], [role="menu"], [role="listbox"]';

let hadAbove = false;
// What closes at this key is gone from the page before a hotkey's handler looks for it. Listeners to one thing are called in
// the order in which they came, and what lies above adds its own when it opens.
window.addEventListener(
  "keydown",
  () => {
    // Lists to choose from are in the page before they are shown.
    hadAbove = [...document.querySelectorAll(ABOVE)].some((each) => each.checkVisibility());
  },
  { capture: true },
);

/** A hotkey's handler, which leaves alone what a menu, a dialog or a drawer has taken or will take. */
export function alone(run: () => void): (event: KeyboardEvent) => void {
  return (event) => {
    if (event.defaultPrevented || hadAbove) return;
    event.preventDefault();
    run();
  };
}

/** Where keys are text, or choose. */
const TAKING = 'textarea, select, input:not([type="radio"], [type="checkbox"]), [contenteditable]';

/** The keys of what is shown. Mantine's own hook hears none on a switch, nor what is pressed just after the drawing. */
export function useKeys(keys: HotkeyItem[]): void {
  const latest = useRef(keys);
  latest.current = keys;
  useLayoutEffect(() => {
    const hear = (event: KeyboardEvent) => {
      if (!(event.target as Element).matches(TAKING)) getHotkeyHandler(latest.current)(event);
    };
    document.documentElement.addEventListener("keydown", hear);
    return () => document.documentElement.removeEventListener("keydown", hear);
  }, []);
}

/** Else the key would count as taken by whoever looks for it. */
export const LATE = { preventDefault: false };
