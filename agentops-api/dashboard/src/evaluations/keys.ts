/** Keys that work on a whole screen, unless something lies above it. */

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

/** Else the key would count as taken by whoever looks for it. */
export const LATE = { preventDefault: false };
