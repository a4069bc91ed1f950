import { expect, test } from "vitest";
import type { Schemas } from "../api/client";
import { fileOf } from "./file";

const REPORT = {
  file: "/api/v1/exports/7/file",
  format: "csv",
  gzip: true,
  rows: 12,
  bytes: 345,
  made_at: "2026-11-24T13:20:05.5Z",
  expires_at: "2026-11-25T13:20:05Z",
};
const NOW = Date.parse("2026-11-24T14:00:00Z");

function job(status: string, report: Record<string, unknown> | null): Schemas["Job"] {
  return { status, report } as Schemas["Job"];
}

test("a finished export has its file, by the name that the server gives it", () => {
  expect(fileOf(job("succeeded", REPORT), NOW)).toEqual({
    path: "/api/v1/exports/7/file",
    format: "csv",
    rows: 12,
    bytes: 345,
    expiresAt: "2026-11-25T13:20:05Z",
    name: "evaluations-20261124T132005Z.csv.gz",
  });
});

test("an export that runs, failed or expired has none", () => {
  expect(fileOf(job("running", REPORT), NOW)).toBeNull();
  expect(fileOf(job("failed", null), NOW)).toBeNull();
  expect(fileOf(job("succeeded", {}), NOW)).toBeNull();
  expect(fileOf(job("succeeded", REPORT), Date.parse("2026-11-26T00:00:00Z"))).toBeNull();
});
