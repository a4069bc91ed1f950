/** Keys that work on a whole screen, unless something lies above it. */

const ABOVE = '[role="dialog"], [role="menu"], [role="listbox"]';

/** A hotkey's handler, which leaves alone what a menu, a dialog or a drawer has taken or will take. */
export function alone(run: () => void): (event: KeyboardEvent) => void {
  return (event) => {
    // What closes at this key may be gone from the page by now, but not from the way that the event took.
    const wasAbove = event.composedPath().some((each) => each instanceof Element && each.matches(ABOVE));
    // Lists to choose from are in the page before they are shown.
    const isAbove = [...document.querySelectorAll(ABOVE)].some((each) => each.checkVisibility());
    if (event.defaultPrevented || wasAbove || isAbove) return;
    event.preventDefault();
    run();
  };
}

/** Else the key would count as taken by whoever looks for it. */
export const LATE = { preventDefault: false };
