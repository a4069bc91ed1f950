import { useEffect, useRef } from "react";
import { Glyph } from "../ui/icons";
import { Panel } from "../ui/Page";
import { cutAt, type Evidence } from "./claims";
import styles from "./detail.module.css";
import { nameOf } from "./text";

/** The texts that the answer was to be based on; the evidence that was asked for is opened and marked. */
export function Documents({ documents, evidence }: { documents: string[] | null; evidence: Evidence | null }) {
  if (!documents || documents.length === 0) {
    return (
      <Panel title="Retrieved documents">
        <p className={`${styles.text} ${styles.none}`}>None were sent with this evaluation.</p>
      </Panel>
    );
  }
  return (
    <Panel title="Retrieved documents" note={String(documents.length)}>
      <ol className={styles.documents}>
        {documents.map((text, index) => (
          <Document
            // biome-ignore lint/suspicious/noArrayIndexKey: documents may be equal, and their order stays.
            key={index}
            number={index + 1}
            text={text}
            startsOpen={documents.length <= 3}
            evidence={evidence?.document === index ? evidence : null}
          />
        ))}
      </ol>
    </Panel>
  );
}

type Props = { number: number; text: string; startsOpen: boolean; evidence: Evidence | null };

function Document({ number, text, startsOpen, evidence }: Props) {
  const details = useRef<HTMLDetailsElement>(null);
  const mark = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!evidence || !details.current) return;
    details.current.open = true;
    mark.current?.scrollIntoView({ block: "center" });
  }, [evidence]);
  const [before, within, after] = cutAt(text, evidence?.start ?? 0, evidence?.end ?? 0);
  return (
    <li>
      <details ref={details} open={startsOpen}>
        <summary>
          <Glyph name="right" size={12} />
          <span className={styles.numbered}>Document {number}</span>
          <span className={styles.excerpt} dir="auto">
            {nameOf(text, 120)}
          </span>
        </summary>
        <p className={styles.text} dir="auto">
          {before}
          {within && (
            <mark ref={mark} className={styles.found}>
              {within}
            </mark>
          )}
          {after}
        </p>
      </details>
    </li>
  );
}
