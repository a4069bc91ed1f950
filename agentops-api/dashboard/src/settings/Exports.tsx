import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { api, type Schemas, told } from "../api/client";
import { usePlace } from "../shell/Projects";
import { Badge, Bar } from "../ui/Badge";
import { bytes, exactCount, NOTHING } from "../ui/numbers";
import { ago, fullTime, listTime } from "../ui/time";
import { download } from "./download";
import { type ExportFile, fileOf } from "./file";
import { Ending, List } from "./List";
import { choiceOf } from "./order";
import styles from "./settings.module.css";

type Job = Schemas["Job"];
const COLUMNS = ["Asked for", "Of", "Progress", "Evaluations", "Size", "Kept until"];

/** What was asked for lately, how far it is, and the files that are kept. */
export function Exports({ jobs }: { jobs: Job[] }) {
  if (jobs.length === 0) return null;
  return (
    <List label="Exports" columns={COLUMNS}>
      {jobs.map((job) => (
        <Row key={job.id} job={job} />
      ))}
    </List>
  );
}

function Row({ job }: { job: Job }) {
  const role = usePlace()?.organization.role;
  const mayDelete = role !== undefined && role !== "viewer";
  const now = Date.now();
  const file = fileOf(job, now);
  // Told from when it is begun.
  const filters = job.report?.filters as Record<string, unknown> | undefined;
  return (
    <tr>
      <th scope="row" title={fullTime(job.created_at)}>
        {listTime(job.created_at, new Date(now))}
      </th>
      <td className={styles.choice}>{filters ? choiceOf(filters, new Date(now)).join(" · ") : NOTHING}</td>
      <td>
        <Progress job={job} file={file} />
      </td>
      <td className="num">{exactCount(file?.rows ?? job.done)}</td>
      <td className="num">{file ? `${bytes(file.bytes)} ${file.format}` : NOTHING}</td>
      <td title={file ? fullTime(file.expiresAt) : undefined}>{file ? ago(file.expiresAt, now) : NOTHING}</td>
      <td className={styles.act}>
        {file && <Fetch file={file} />}
        {file && mayDelete && <Delete job={job} file={file} />}
      </td>
    </tr>
  );
}

function Progress({ job, file }: { job: Job; file: ExportFile | null }) {
  if (job.status === "failed") {
    return (
      <span title={job.error ?? undefined}>
        <Badge tone="bad">Failed</Badge> {job.error?.slice(0, 80)}
      </span>
    );
  }
  if (job.status === "succeeded") return <Badge tone={file ? "good" : "neutral"}>{file ? "Ready" : "Gone"}</Badge>;
  const label = job.status === "queued" ? "Waiting for its turn" : "Being written";
  return (
    <span className={styles.progress} role="status">
      <Badge tone="accent">{label}</Badge>
      {job.done !== null && job.total ? <Bar value={job.done / job.total} /> : null}
    </span>
  );
}

function Fetch({ file }: { file: ExportFile }) {
  const [received, setReceived] = useState(0);
  const stop = useRef(new AbortController());
  useEffect(() => {
    stop.current = new AbortController();
    return () => stop.current.abort();
  }, []);
  const run = useMutation({ mutationFn: () => download(file, stop.current.signal, setReceived) });
  const percent = Math.floor((received / Math.max(1, file.bytes)) * 100);
  return (
    <Button
      variant="default"
      size="compact-xs"
      disabled={run.isPending}
      onClick={() => run.mutate()}
      title={run.error?.message}
      aria-label={`Download ${file.name}`}
    >
      {run.isPending ? `${percent} %` : run.isError ? "Try again" : "Download"}
    </Button>
  );
}

function Delete({ job: { id }, file }: { job: Job; file: ExportFile }) {
  return (
    <Ending
      action="Delete"
      name={file.name}
      question="Delete this file?"
      run={() => told(api.DELETE("/api/v1/exports/{id}/file", { params: { path: { id } } }))}
      list="exports"
    >
      {file.name} ({bytes(file.bytes)}) is deleted. The evaluations in it stay.
    </Ending>
  );
}
