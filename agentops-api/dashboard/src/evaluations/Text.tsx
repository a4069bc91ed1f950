import { UnstyledButton } from "@mantine/core";
import { useState } from "react";
import { CopyIcon } from "../ui/Copy";
import { exactCount } from "../ui/numbers";
import styles from "./detail.module.css";
import { Found } from "./Found";
import { isBlank } from "./text";

const LONG_CHARS = 2_000;
const LONG_LINES = 24;

/** A text of an agent, each of its lines in the direction in which it is written. */
export function Text({ children, q }: { children: string; q?: string }) {
  return (
    <p className={styles.text} dir="auto">
      {isBlank(children) ? <em className={styles.none}>(empty)</em> : <Found text={children} q={q} />}
    </p>
  );
}

/** The same of a prompt: a long one may hold all its documents, and is folded so that the answer is in sight. */
export function Prompt({ text, q }: { text: string; q?: string }) {
  // What was searched for may stand anywhere in it.
  const [isOpen, setOpen] = useState(q !== undefined);
  const isLong = text.length > LONG_CHARS || text.split("\n").length > LONG_LINES;
  return (
    <>
      <div className={isLong && !isOpen ? styles.folded : undefined}>
        <Text q={q}>{text}</Text>
      </div>
      {isLong && (
        <UnstyledButton className={styles.unfold} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? "Show less" : `Show all ${exactCount(text.length)} characters`}
        </UnstyledButton>
      )}
    </>
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
