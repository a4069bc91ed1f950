/** Which two sets are compared, as the address has them, and what that asks of the API. */

import { DAY, namesOf, type Period, periodOf, type Search, searchOf } from "../filters";

export const KINDS = ["period", "model", "agent"] as const;
export type Kind = (typeof KINDS)[number];
export type CompareSearch = { by?: Kind; base?: string; candidate?: string };
type Shift = { value: string; label: string; days: number };
const SHIFTS: Shift[] = [
  { value: "7", label: "1 week earlier", days: 7 },
  { value: "28", label: "4 weeks earlier", days: 28 },
];
const BEFORE = { value: "0", label: "just before" };
/** In the choice of the other period: one of its own, which the address writes as "start/end". */
export const OWN = { value: "own", label: "another one" };

/** The periods to compare with: just before, and earlier ones that have nothing in common with the chosen one. */
export function shiftsFor(period: Period): { value: string; label: string }[] {
  const length = Date.parse(period.end) - Date.parse(period.start);
  return [BEFORE, ...SHIFTS.filter(({ days }) => days * DAY >= length), OWN];
}

export function compareSearchOf(raw: Record<string, unknown>): CompareSearch {
  const text = (name: string) => (typeof raw[name] === "string" && raw[name] !== "" ? raw[name] : undefined);
  const by = KINDS.find((kind) => kind === text("by"));
  const base = text("base");
  if (by !== undefined && by !== "period") return { by, base, candidate: text("candidate") };
  return { by, base: ownOf(base) || SHIFTS.some(({ value }) => value === base) ? base : undefined };
}

/** The period with which the chosen one is compared. */
export function baseOf(period: Period, base: string | undefined): Period {
  const own = ownOf(base);
  if (own) return own;
  const days = shiftsFor(period).some(({ value }) => value === base) ? Number(base ?? 0) : 0;
  return shifted(period, days);
}

/** The period that "start/end" names. */
export function ownOf(base: string | undefined): Period | undefined {
  const [from = "", until = "", ...rest] = base?.split("/") ?? [];
  const { start, end } = searchOf({ start: from, end: until });
  return start && end && rest.length === 0 ? { start, end } : undefined;
}

export function nameOfOwn({ start, end }: Period): string {
  return `${start}/${end}`;
}

/** Some evaluations are on both sides. */
export function overlap(left: Period, right: Period): boolean {
  return Date.parse(left.start) < Date.parse(right.end) && Date.parse(right.start) < Date.parse(left.end);
}

/** The parameters of the call, or null while a side is not chosen. */
export function paramsOf(search: Search, sides: CompareSearch, now: number) {
  const period = periodOf(search, now);
  const names = namesOf(search);
  const by = sides.by ?? "period";
  if (by === "period") {
    const before = baseOf(period, sides.base);
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
