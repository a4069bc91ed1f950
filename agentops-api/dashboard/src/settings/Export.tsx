import { Button, Select } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { api, type Schemas, told } from "../api/client";
import { Chips } from "../filterbar/Chips";
import { NameFilter } from "../filterbar/NameFilter";
import { PeriodPicker } from "../filterbar/PeriodPicker";
import { periodLabel } from "../filters";
import { usePlace } from "../shell/Projects";
import { Glyph } from "../ui/icons";
import { Panel } from "../ui/Page";
import { Exports } from "./Exports";
import { choiceOf, type Format, orderOf } from "./order";
import styles from "./settings.module.css";

const FORMATS: { value: Format; label: string }[] = [
  { value: "csv", label: "CSV" },
  { value: "jsonl", label: "JSON Lines, gzip" },
  { value: "json", label: "JSON, gzip" },
  { value: "parquet", label: "Parquet" },
];
const KIND = "export_evaluations";
const SHOWN = 10;
const POLL_MS = 1_000;

/** All that the filters let through, written into a file by the server. */
export function Export() {
  const search = useSearch({ from: "/signed-in" });
  const project = usePlace()?.project.id;
  const [format, setFormat] = useState<Format>("csv");
  const client = useQueryClient();
  const jobs = useQuery({
    queryKey: ["exports", project],
    queryFn: () => told(api.GET("/api/v1/jobs", { params: { query: { kind: KIND, limit: SHOWN } } })),
    refetchInterval: (query) => (query.state.data?.data.some(isUnderWay) ? POLL_MS : false),
  });
  const ask = useMutation({
    mutationFn: () => told(api.POST("/api/v1/exports", { body: orderOf(search, format, Date.now()) })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["exports"] }),
  });
  return (
    <Panel title="Export" note={`evaluations of ${periodLabel(search)}`}>
      <div className={`${styles.form} ${styles.wide}`}>
        <div className={styles.buttons}>
          <Select
            size="xs"
            w={100}
            aria-label="Format"
            allowDeselect={false}
            data={FORMATS}
            value={format}
            onChange={(value) => setFormat((value as Format | null) ?? "csv")}
          />
          <NameFilter by="agent" />
          <NameFilter by="model" />
          <PeriodPicker />
          <Chips names={["mode", "session", "verdict", "min"]} />
          <Button size="xs" leftSection={<Glyph name="plus" />} loading={ask.isPending} onClick={() => ask.mutate()}>
            Make the file
          </Button>
        </div>
        <p className={styles.lead}>
          The file will have: {choiceOf(orderOf(search, format, Date.now()), new Date()).join(" · ")}.
          {search.q && ` Words are not looked for in exports: “${search.q}” makes no difference to it.`}
        </p>
        {(ask.error ?? jobs.error) && (
          <p className={styles.fault} role="alert">
            {(ask.error ?? jobs.error)?.message}
          </p>
        )}
      </div>
      <Exports jobs={jobs.data?.data ?? []} />
    </Panel>
  );
}

function isUnderWay(job: Schemas["Job"]): boolean {
  return job.status === "queued" || job.status === "running";
}
