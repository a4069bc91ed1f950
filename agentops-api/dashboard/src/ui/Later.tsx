import { type ReactNode, startTransition, useEffect, useState } from "react";

/** Mounts its content once what stands around it was painted, and in slices: the page answers between them. */
export function Later({ children }: { children: ReactNode }) {
  const [isDue, setDue] = useState(false);
  useEffect(() => {
    const soon = setTimeout(() => startTransition(() => setDue(true)));
    return () => clearTimeout(soon);
  }, []);
  return isDue ? children : null;
}
