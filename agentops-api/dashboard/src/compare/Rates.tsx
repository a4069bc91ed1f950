import type { Schemas } from "../api/client";
import { Interval, scaleOf } from "../ui/Interval";
import { count, percent, seconds } from "../ui/numbers";
import styles from "./compare.module.css";

type Side = Schemas["Side"];
type Props = { sides: { name: string; side: Side }[] };

/** Both sides' hallucination rates, as dots in their 95 % intervals on one scale. */
export function Rates({ sides }: Props) {
  const most = scaleOf(sides.map(({ side }) => side.figures));
  return (
    <ul className={styles.pair}>
      {sides.map(({ name, side }, index) => (
        <li key={index === 0 ? "base" : "candidate"} className={styles.side}>
          <span className={styles.sideKind}>{index === 0 ? "Base" : "Candidate"}</span>
          <span className={styles.sideName} title={name}>
            {name}
          </span>
          <span className={`${styles.sideRate} num`}>{percent(side.figures.hallucination_rate)}</span>
          <span className={styles.scale}>
            <Interval figures={side.figures} most={most} />
          </span>
          <span className={`${styles.sideNote} num`}>
            hallucinated, of {count(side.figures.verdicts)} with a verdict · median {seconds(side.figures.latency_p50)}
          </span>
        </li>
      ))}
    </ul>
  );
}
