import styles from "./detail.module.css";
import { isBlank } from "./text";

/** A text of an agent, each of its lines in the direction in which it is written. */
export function Text({ children }: { children: string }) {
  return (
    <p className={styles.text} dir="auto">
      {isBlank(children) ? <em className={styles.none}>(empty)</em> : children}
    </p>
  );
}
