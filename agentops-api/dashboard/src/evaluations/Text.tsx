import { CopyIcon } from "../ui/Copy";
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

/** Copies all of it, from the head of its panel. */
export function CopyText({ of, text }: { of: "prompt" | "response"; text: string }) {
  return (
    <span className={styles.copy}>
      <CopyIcon text={text} label={`Copy the ${of}`} />
    </span>
  );
}
