import { ActionIcon, SegmentedControl, Tooltip } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { DAYS, periodOf, type Search } from "../filters";
import { Glyph } from "../ui/icons";
import styles from "./filterbar.module.css";
import { PeriodButton } from "./PeriodForm";

const LABELS: Record<string, string> = { "1": "24 h", "7": "7 days", "30": "30 days", "90": "90 days" };

/** Changes the address' search; the rest of it stays. */
export function useChange(): (changes: Partial<Search>) => void {
  const navigate = useNavigate();
  return (changes) => void navigate({ to: ".", search: (now: Search) => ({ ...now, ...changes }), resetScroll: false });
}

export function PeriodPicker() {
  const search = useSearch({ from: "/signed-in" });
  const change = useChange();
  const isChosen = search.start !== undefined;
  return (
    <div className={styles.period}>
      {isChosen && (
        <Tooltip label="Back to the last days">
          <ActionIcon aria-label="Reset the period" onClick={() => change({ start: undefined, end: undefined })}>
            <Glyph name="reset" />
          </ActionIcon>
        </Tooltip>
      )}
      <SegmentedControl
        size="xs"
        aria-label="Period"
        data={DAYS.map((days) => ({ value: days, label: LABELS[days] ?? days }))}
        value={isChosen ? "" : (search.days ?? "7")}
        onChange={(days) => change({ days, start: undefined, end: undefined })}
      />
      <PeriodButton
        period={periodOf(search, Date.now())}
        isChosen={isChosen}
        label="Custom"
        choose={(period) => change({ ...period, days: undefined })}
      />
    </div>
  );
}
