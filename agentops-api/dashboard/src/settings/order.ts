/** What an export is of: as it is asked for, and as people read it. */

import type { Schemas } from "../api/client";
import { listParams } from "../evaluations/params";
import { periodOf, type Search } from "../filters";
import { spanOf } from "../ui/time";

export type Order = Schemas["ExportRequest"];
export type Format = NonNullable<Order["format"]>;

/** The list's filters, but for words, which no export is looked through for. */
export function orderOf(search: Search, format: Format, now: number): Order {
  const { q: _, ...filters } = listParams(search, now);
  // Spreadsheets open plain CSV, with their mark at its beginning and no record of ours at its end.
  const form = { format, gzip: format !== "csv", ...(format === "csv" && { spreadsheet: true }) };
  return { ...filters, end_date: periodOf(search, now).end, ...form };
}

/** The period and the filters of an order, of whoever made it. */
export function choiceOf(order: Record<string, unknown>, now: Date): string[] {
  const text = (name: string) => (typeof order[name] === "string" ? order[name] : null);
  const [start, end] = [text("start_date"), text("end_date")];
  const named = (name: string, label: string) => (text(name) === null ? [] : [`${label} ${text(name)}`]);
  const least = order.min_hallucination_probability;
  return [
    start && end ? spanOf({ start, end }, now) : start ? `from ${start}` : end ? `before ${end}` : "of all times",
    ...named("agent_name", "agent"),
    ...named("model_name", "model"),
    ...named("mode", "mode"),
    ...named("session_id", "session"),
    ...(typeof order.hallucinated === "boolean" ? [order.hallucinated ? "hallucinated" : "grounded"] : []),
    ...(typeof least === "number" ? [`probability at least ${least}`] : []),
  ];
}
