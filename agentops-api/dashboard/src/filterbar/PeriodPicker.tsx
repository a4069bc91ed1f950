import { ActionIcon, Button, Popover, SegmentedControl, TextInput, Tooltip } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { DAYS, periodOf, type Search } from "../filters";
import { Glyph } from "../ui/icons";
import { shortTime } from "../ui/time";
import styles from "./filterbar.module.css";

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
      <Chosen key={`${search.start} ${search.end} ${search.days}`} search={search} />
    </div>
  );
}

/** Any other period, typed; also what a zoom made. */
function Chosen({ search }: { search: Search }) {
  const change = useChange();
  const period = periodOf(search, Date.now());
  const [opened, setOpened] = useState(false);
  const [start, setStart] = useState(localOf(period.start));
  const [end, setEnd] = useState(localOf(period.end));
  const isGood = start !== "" && end !== "" && start < end;
  const apply = () => {
    setOpened(false);
    change({ start: new Date(start).toISOString(), end: new Date(end).toISOString(), days: undefined });
  };
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" trapFocus>
      <Popover.Target>
        <Button
          size="xs"
          variant="default"
          onClick={() => setOpened(!opened)}
          data-chosen={search.start ? true : undefined}
        >
          {search.start ? `${shortTime(period.start)} – ${shortTime(period.end)}` : "Custom"}
        </Button>
      </Popover.Target>
      <Popover.Dropdown className={styles.dates}>
        <TextInput
          type="datetime-local"
          label="From"
          value={start}
          onChange={(event) => setStart(event.currentTarget.value)}
        />
        <TextInput
          type="datetime-local"
          label="Until"
          value={end}
          onChange={(event) => setEnd(event.currentTarget.value)}
        />
        <Button size="sm" disabled={!isGood} onClick={apply}>
          Show this period
        </Button>
      </Popover.Dropdown>
    </Popover>
  );
}

/** As a datetime-local input writes a time: the viewer's clock, without a zone. */
function localOf(iso: string): string {
  const time = new Date(iso);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
