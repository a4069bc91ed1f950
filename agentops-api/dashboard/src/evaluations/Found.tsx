import styles from "./evaluations.module.css";
import { partsOf } from "./words";

/** A text of an agent, in which what was searched for is marked. */
export function Found({ text, q }: { text: string; q: string | undefined }) {
  return partsOf(text, q).map((part, index) =>
    part.isFound ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text have no names, and their order stays.
      <mark key={index} className={styles.sought}>
        {part.text}
      </mark>
    ) : (
      part.text
    ),
  );
}
