import { SegmentedControl, Select, UnstyledButton } from "@mantine/core";
import { useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { Chips } from "../filterbar/Chips";
import { NameFilter } from "../filterbar/NameFilter";
import { useChange } from "../filterbar/PeriodPicker";
import type { Search } from "../filters";
import { Glyph } from "../ui/icons";
import styles from "./evaluations.module.css";
import { TextFilter } from "./TextFilter";
import { soughtOf } from "./words";

const PROBABILITIES = ["0.25", "0.5", "0.75", "0.9"];

export function FilterBar() {
  const search = useSearch({ from: "/signed-in" });
  const change = useChange();
  // Cleared fields are new ones: one may hold what was typed and is not in the address yet.
  const [cleared, setCleared] = useState(0);
  const { fault, note } = soughtOf(search.q);
  const isFiltered =
    search.q ?? search.verdict ?? search.agent ?? search.model ?? search.session ?? search.min ?? search.mode;
  // The address may name any other.
  const probabilities = [...new Set([...PROBABILITIES, ...(search.min ? [search.min] : [])])].toSorted();
  return (
    <search className={styles.filters}>
      <TextFilter key={`q ${cleared}`} name="q" label="Search words" value={search.q} fault={fault} note={note} />
      <SegmentedControl
        size="xs"
        aria-label="Verdict"
        data={[
          { value: "", label: "All" },
          { value: "hallucinated", label: "Hallucinated" },
          { value: "grounded", label: "Grounded" },
        ]}
        value={search.verdict ?? ""}
        onChange={(verdict) => change({ verdict: (verdict || undefined) as Search["verdict"] })}
      />
      <NameFilter by="agent" />
      <NameFilter by="model" />
      <Select
        size="xs"
        w={150}
        aria-label="Least hallucination probability"
        placeholder="Any probability"
        clearable
        clearButtonProps={{ "aria-label": "Show any probability" }}
        data={probabilities.map((least) => ({ value: least, label: `At least ${least}` }))}
        value={search.min ?? null}
        onChange={(min) => change({ min: min ?? undefined })}
      />
      <TextFilter key={`session ${cleared}`} name="session" label="Session" value={search.session} />
      <Chips names={["mode"]} />
      {isFiltered !== undefined && (
        <UnstyledButton
          className={styles.clear}
          onClick={() => {
            setCleared(cleared + 1);
            change({
              q: undefined,
              verdict: undefined,
              agent: undefined,
              model: undefined,
              session: undefined,
              min: undefined,
              mode: undefined,
            });
          }}
        >
          <Glyph name="close" size={12} /> Clear
        </UnstyledButton>
      )}
    </search>
  );
}
