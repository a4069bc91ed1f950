import { useElementScrollRestoration } from "@tanstack/react-router";
import { type ReactNode, startTransition, useEffect, useLayoutEffect, useState } from "react";

/** Mounts its content in a task after what stands around it, and in slices: the page answers between them. */
export function Later({ children }: { children: ReactNode }) {
  const [isDue, setDue] = useState(false);
  const place = useElementScrollRestoration({ getElement: () => window });
  useEffect(() => {
    const soon = setTimeout(() => startTransition(() => setDue(true)));
    return () => clearTimeout(soon);
  }, []);
  // The router put a page that was loaded anew where it was before there was anything to scroll.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only the first time.
  useLayoutEffect(() => {
    if (isDue && place) window.scrollTo(place.scrollX, place.scrollY);
  }, [isDue]);
  return isDue ? children : null;
}
