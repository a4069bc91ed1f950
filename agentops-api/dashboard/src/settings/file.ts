/** What a job that exports says of its file. */

import type { Schemas } from "../api/client";

type Job = Schemas["Job"];
/** What the report of an export job says of its file. */
export type ExportFile = { path: string; format: string; rows: number; bytes: number; expiresAt: string; name: string };

/** The file of an export that has succeeded; null while there is none, and when it has expired or was deleted. */
export function fileOf(job: Job, now: number): ExportFile | null {
  if (job.status !== "succeeded" || !job.report) return null;
  const { file, format, gzip, rows, bytes, made_at, expires_at } = job.report;
  if (typeof file !== "string" || typeof format !== "string" || typeof expires_at !== "string") return null;
  if (Date.parse(expires_at) <= now) return null;
  const made = String(made_at).slice(0, 19).replaceAll(/[-:]/g, "");
  const name = `evaluations-${made}Z.${format}${gzip ? ".gz" : ""}`;
  return { path: file, format, rows: Number(rows), bytes: Number(bytes), expiresAt: expires_at, name };
}
