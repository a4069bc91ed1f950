import { UnstyledButton } from "@mantine/core";
import { useSearch } from "@tanstack/react-router";
import type { Search } from "../filters";
import { Glyph } from "../ui/icons";
import styles from "./filterbar.module.css";
import { useChange } from "./PeriodPicker";

const LABELS: Partial<Record<keyof Search, string>> = {
  mode: "Mode",
  verdict: "Verdict",
  session: "Session",
  min: "Least probability",
};

/** Filters that came with the address and have no control of their own here; each can be taken away. */
export function Chips({ names }: { names: (keyof Search)[] }) {
  const search = useSearch({ from: "/signed-in" });
  const change = useChange();
  const given = names.filter((name) => search[name] !== undefined);
  if (given.length === 0) return null;
  return (
    <div className={styles.chips}>
      {given.map((name) => (
        <span key={name} className={styles.chip}>
          <span>
            {LABELS[name] ?? name}: {search[name]}
          </span>
          <UnstyledButton
            aria-label={`Any ${(LABELS[name] ?? name).toLowerCase()}`}
            onClick={() => change({ [name]: undefined })}
          >
            <Glyph name="close" size={12} />
          </UnstyledButton>
        </span>
      ))}
    </div>
  );
}
