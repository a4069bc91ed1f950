/** Which two sets are compared, as the address has them, and what that asks of the API. */

import { DAY, namesOf, type Period, periodOf, type Search } from "../filters";

export const KINDS = ["period", "model", "agent"] as const;
export type Kind = (typeof KINDS)[number];
export const SHIFTS = [
  { value: "0", label: "just before" },
  { value: "7", label: "7 days earlier" },
  { value: "28", label: "28 days earlier" },
];
export type CompareSearch = { by?: Kind; base?: string; candidate?: string };

export function compareSearchOf(raw: Record<string, unknown>): CompareSearch {
  const text = (name: string) => (typeof raw[name] === "string" && raw[name] !== "" ? raw[name] : undefined);
  const by = KINDS.find((kind) => kind === text("by"));
  const base = text("base");
  if (by === undefined || by === "period") return { by, base: SHIFTS.find(({ value }) => value === base)?.value };
  return { by, base, candidate: text("candidate") };
}

/** The parameters of the call, or null while a side is not chosen. */
export function paramsOf(search: Search, sides: CompareSearch, now: number) {
  const period = periodOf(search, now);
  const names = namesOf(search);
  const by = sides.by ?? "period";
  if (by === "period") {
    const before = shifted(period, Number(sides.base ?? 0));
    return {
      ...names,
      base_start: before.start,
      base_end: before.end,
      candidate_start: period.start,
      candidate_end: period.end,
    };
  }
  if (!sides.base || !sides.candidate || sides.base === sides.candidate) return null;
  return by === "model"
    ? { ...period, agent_name: names.agent_name, base_model_name: sides.base, candidate_model_name: sides.candidate }
    : { ...period, model_name: names.model_name, base_agent_name: sides.base, candidate_agent_name: sides.candidate };
}

/** The period so many days before; 0: just before. */
function shifted({ start, end }: Period, days: number): Period {
  const shift = days > 0 ? days * DAY : Date.parse(end) - Date.parse(start);
  const back = (time: string) => new Date(Date.parse(time) - shift).toISOString();
  return { start: back(start), end: back(end) };
}
