import { SegmentedControl, Select, TextInput, UnstyledButton } from "@mantine/core";
import { useSearch } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { Chips } from "../filterbar/Chips";
import { NameFilter } from "../filterbar/NameFilter";
import { useChange } from "../filterbar/PeriodPicker";
import type { Search } from "../filters";
import { Glyph } from "../ui/icons";
import styles from "./evaluations.module.css";

const PROBABILITIES = ["0.25", "0.5", "0.75", "0.9"];

export function FilterBar() {
  const search = useSearch({ from: "/signed-in" });
  const change = useChange();
  const isFiltered =
    search.q ?? search.verdict ?? search.agent ?? search.model ?? search.session ?? search.min ?? search.mode;
  // The address may name any other.
  const probabilities = [...new Set([...PROBABILITIES, ...(search.min ? [search.min] : [])])].toSorted();
  return (
    <search className={styles.filters}>
      <TextFilter name="q" label="Search words" value={search.q} />
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
      <TextFilter name="session" label="Session" value={search.session} />
      <Chips names={["mode"]} />
      {isFiltered !== undefined && (
        <UnstyledButton
          className={styles.clear}
          onClick={() =>
            change({
              q: undefined,
              verdict: undefined,
              agent: undefined,
              model: undefined,
              session: undefined,
              min: undefined,
              mode: undefined,
            })
          }
        >
          <Glyph name="close" size={12} /> Clear
        </UnstyledButton>
      )}
    </search>
  );
}

type TextFilterProps = { name: "q" | "session"; label: string; value: string | undefined };

/** A filter that is typed, and asked for with Enter. */
function TextFilter({ name, label, value }: TextFilterProps) {
  const change = useChange();
  const field = useRef<HTMLInputElement>(null);
  // Cleared elsewhere, or another address: it stays the same field, which keeps its focus.
  useEffect(() => {
    if (field.current) field.current.value = value ?? "";
  }, [value]);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const text = new FormData(event.currentTarget).get(name);
        change({ [name]: typeof text === "string" && text.trim() !== "" ? text.trim() : undefined });
      }}
    >
      <TextInput
        ref={field}
        size="xs"
        w={name === "q" ? 220 : 150}
        name={name}
        aria-label={label}
        placeholder={label}
        maxLength={200}
        leftSection={name === "q" ? <Glyph name="search" size={14} /> : undefined}
        defaultValue={value}
      />
    </form>
  );
}
