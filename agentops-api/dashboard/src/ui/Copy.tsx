import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { useEffect, useState } from "react";
import { Glyph } from "./icons";
import styles from "./ui.module.css";

const TOLD_MS = 1_600;

/** Puts the text on the clipboard, also on pages without TLS, where browsers hide the modern way. */
async function copy(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
  }
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  return copied;
}

function useCopy(text: string): [boolean, () => void] {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), TOLD_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  return [copied, () => void copy(text).then(setCopied)];
}

export function CopyIcon({ text, label }: { text: string; label: string }) {
  const [copied, run] = useCopy(text);
  return (
    <Tooltip label={copied ? "Copied" : label}>
      <ActionIcon onClick={run} aria-label={label} data-copied={copied || undefined}>
        <Glyph name={copied ? "check" : "copy"} />
      </ActionIcon>
    </Tooltip>
  );
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, run] = useCopy(text);
  return (
    <Button size="xs" variant="default" leftSection={<Glyph name={copied ? "check" : "copy"} />} onClick={run}>
      {copied ? "Copied" : label}
    </Button>
  );
}

/** A piece of code with its copy button. */
export function Code({ text, label }: { text: string; label: string }) {
  return (
    <div className={styles.code}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <pre tabIndex={0}>{text}</pre>
      <span className={styles.codeCopy}>
        <CopyIcon text={text} label={`Copy ${label}`} />
      </span>
    </div>
  );
}
