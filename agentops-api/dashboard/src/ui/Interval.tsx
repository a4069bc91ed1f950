import type { Figures } from "../api/client";
import { percent } from "./numbers";
import styles from "./ui.module.css";

/** A hallucination rate as a dot within its 95 % interval, on a scale from zero to `most`. */
export function Interval({ figures, most }: { figures: Figures; most: number }) {
  const { hallucination_rate: rate, hallucination_rate_low: low, hallucination_rate_high: high } = figures;
  if (rate === null || low === null || high === null) return <span className={styles.interval} />;
  const at = (value: number) => `${(value / most) * 100}%`;
  return (
    <span className={styles.interval} title={`95 %: ${percent(low)} to ${percent(high)}`}>
      <span className={styles.whisker} style={{ left: at(low), width: at(high - low) }} />
      <span className={styles.point} style={{ left: at(rate) }} />
    </span>
  );
}

/** The scale on which all of these have room. */
export function scaleOf(all: Figures[]): number {
  return Math.max(0.01, ...all.map((figures) => figures.hallucination_rate_high ?? 0));
}
