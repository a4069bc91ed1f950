import { Button, Popover, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { Period } from "../filters";
import { fullTime, spanOf } from "../ui/time";
import styles from "./filterbar.module.css";

type Props = {
  /** What the fields begin with. */
  period: Period;
  /** The period stands on the button; else `label`. */
  isChosen: boolean;
  label: string;
  choose: (period: Period) => void;
};

/** A button that asks for any period, by the viewer's clock. */
export function PeriodButton({ period, isChosen, label, choose }: Props) {
  const [opened, setOpened] = useState(false);
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" trapFocus>
      <Popover.Target>
        <Button
          size="xs"
          variant="default"
          onClick={() => setOpened(!opened)}
          data-chosen={isChosen || undefined}
          title={isChosen ? `${fullTime(period.start)} – ${fullTime(period.end)}` : undefined}
        >
          {isChosen ? spanOf(period, new Date()) : label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Fields
          period={period}
          choose={(chosen) => {
            setOpened(false);
            choose(chosen);
          }}
        />
      </Popover.Dropdown>
    </Popover>
  );
}

/** There only while the dropdown is: an hour that begins changes the period, and not what is being typed. */
function Fields({ period, choose }: Pick<Props, "period" | "choose">) {
  const [start, setStart] = useState(localOf(period.start));
  const [end, setEnd] = useState(localOf(period.end));
  const isInverted = start !== "" && end !== "" && start >= end;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isInverted) choose({ start: new Date(start).toISOString(), end: new Date(end).toISOString() });
  };
  return (
    <form className={styles.dates} onSubmit={submit}>
      <TextInput
        type="datetime-local"
        label="From"
        required
        withAsterisk={false}
        value={start}
        onChange={(event) => setStart(event.currentTarget.value)}
      />
      <TextInput
        type="datetime-local"
        label="Until"
        required
        withAsterisk={false}
        error={isInverted && "A period ends after it begins."}
        value={end}
        onChange={(event) => setEnd(event.currentTarget.value)}
      />
      <Button type="submit" size="sm">
        Show this period
      </Button>
    </form>
  );
}

/** As a datetime-local input writes a time: the viewer's clock, without a zone. */
function localOf(iso: string): string {
  const time = new Date(iso);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
