import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { periodOf } from "../filters";
import { breakdownQuery } from "../queries";
import { useChange } from "./PeriodPicker";

/** Chooses one of the agents or models of the period. */
export function NameFilter({ by }: { by: "agent" | "model" }) {
  const search = useSearch({ from: "/signed-in" });
  const change = useChange();
  const others = { project: search.project };
  const { data } = useQuery(breakdownQuery(by, periodOf(search, Date.now()), others));
  const names = (data?.rows ?? []).flatMap((row) => row.key[0] ?? []);
  const chosen = search[by];
  const options = chosen && !names.includes(chosen) ? [chosen, ...names] : names;
  return (
    <Select
      size="xs"
      w={168}
      aria-label={by === "agent" ? "Agent" : "Model"}
      placeholder={by === "agent" ? "All agents" : "All models"}
      data={options}
      value={chosen ?? null}
      onChange={(name) => change({ [by]: name ?? undefined })}
      searchable
      clearable
      clearButtonProps={{ "aria-label": `Show all ${by}s` }}
      nothingFoundMessage="None of that name"
      maxDropdownHeight={320}
      comboboxProps={{ width: 240, position: "bottom-start" }}
    />
  );
}
