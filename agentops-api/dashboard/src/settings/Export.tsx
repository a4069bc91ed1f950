import { Button, Select } from "@mantine/core";
import { useSearch } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { NameFilter } from "../filterbar/NameFilter";
import { PeriodPicker } from "../filterbar/PeriodPicker";
import { periodLabel, type Search } from "../filters";
import { Panel } from "../ui/Page";
import { download } from "./download";
import styles from "./settings.module.css";

const FORMATS = [
  { value: "csv", label: "CSV" },
  { value: "jsonl", label: "JSON Lines" },
  { value: "json", label: "JSON" },
  { value: "parquet", label: "Parquet" },
];
const MEGABYTE = 1_000_000;
type Doing = { state: "idle" | "running" | "done"; bytes: number; fault: string | null };
const IDLE: Doing = { state: "idle", bytes: 0, fault: null };

/** All that the filters let through, as a file. */
export function Export() {
  const search = useSearch({ from: "/signed-in" });
  const [format, setFormat] = useState("csv");
  const [doing, start, stop] = useDownload(search, format);
  return (
    <Panel title="Export" note={`evaluations of ${periodLabel(search)}`}>
      <div className={`${styles.form} ${styles.wide}`}>
        <div className={styles.buttons}>
          <Select
            size="xs"
            w={130}
            aria-label="Format"
            allowDeselect={false}
            data={FORMATS}
            value={format}
            onChange={(value) => setFormat(value ?? "csv")}
          />
          <NameFilter by="agent" />
          <NameFilter by="model" />
          <PeriodPicker />
        </div>
        <div className={styles.buttons}>
          {doing.state === "running" ? (
            <Button variant="default" onClick={stop}>
              Stop
            </Button>
          ) : (
            <Button onClick={start}>Download</Button>
          )}
          <span role="status" className={`${styles.lead} num`}>
            {doing.state === "running" && `${(doing.bytes / MEGABYTE).toFixed(1)} MB so far …`}
            {doing.state === "done" && `Complete: ${(doing.bytes / MEGABYTE).toFixed(1)} MB`}
          </span>
        </div>
        {doing.fault && (
          <p className={styles.fault} role="alert">
            {doing.fault}
          </p>
        )}
        <p className={styles.lead}>
          The browser holds the file while it comes. For millions of evaluations use <code>agentops export</code>.
        </p>
      </div>
    </Panel>
  );
}

function useDownload(search: Search, format: string): [Doing, () => void, () => void] {
  const [doing, setDoing] = useState<Doing>(IDLE);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const start = async () => {
    const controller = new AbortController();
    running.current = controller;
    let bytes = 0;
    setDoing({ ...IDLE, state: "running" });
    try {
      await download(search, format, controller.signal, (size) => {
        bytes = size;
        setDoing({ state: "running", bytes, fault: null });
      });
      setDoing({ state: "done", bytes, fault: null });
    } catch (error) {
      const fault = controller.signal.aborted ? null : error instanceof Error ? error.message : "It broke off.";
      setDoing({ state: "idle", bytes, fault });
    }
  };
  return [doing, () => void start(), () => running.current?.abort()];
}
