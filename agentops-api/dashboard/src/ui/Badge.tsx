import type { ReactNode } from "react";
import styles from "./ui.module.css";

export type Tone = "bad" | "good" | "warn" | "neutral" | "accent";

export function Badge({ tone, dot, children }: { tone: Tone; dot?: boolean; children: ReactNode }) {
  return (
    <span className={styles.badge} data-tone={tone}>
      {dot && <span className={styles.dot} />}
      {children}
    </span>
  );
}

/** What was decided about an answer. */
export function Verdict({ hallucinated }: { hallucinated: boolean | null | undefined }) {
  if (hallucinated == null) return <Badge tone="neutral">No verdict</Badge>;
  return hallucinated ? (
    <Badge tone="bad" dot>
      Hallucinated
    </Badge>
  ) : (
    <Badge tone="good" dot>
      Grounded
    </Badge>
  );
}

/** A score in [0, 1] as a small bar; its number stands beside it. */
export function Bar({ value, tone = "accent" }: { value: number | null | undefined; tone?: Tone }) {
  return (
    <span className={styles.bar} data-tone={tone} aria-hidden="true">
      <span style={{ width: `${Math.max(0, Math.min(1, value ?? 0)) * 100}%` }} />
    </span>
  );
}
