/** Which two sets are compared, as the address has them, and what that asks of the API. */

import { DAY, earlier, namesOf, type Period, periodBefore, periodOf, type Search, searchOf } from "../filters";

export const KINDS = ["period", "model", "agent"] as const;
export type Kind = (typeof KINDS)[number];
export type CompareSearch = { by?: Kind; base?: string; candidate?: string };
const SHIFTS_DAYS = [7, 28];
/** In the choice of the other period: one of its own, which the address writes as "start/end". */
export const OWN = { value: "own", label: "another one" };

/** The periods to compare with: the Overview's, and other earlier ones that have nothing in common with the chosen one. */
export function shiftsFor(period: Period): { value: string; label: string }[] {
  const before = periodBefore(period);
  const others = SHIFTS_DAYS.filter((days) => {
    const shifted = earlier(period, days);
    return shifted.start !== before.start && !overlap(shifted, period);
  });
  // Where the clock moves, a day has an hour more or less.
  const daysBefore = Math.round((Date.parse(period.start) - Date.parse(before.start)) / DAY);
  return [
    { value: "0", label: labelOf(daysBefore) },
    ...others.map((days) => ({ value: String(days), label: labelOf(days) })),
    OWN,
  ];
}

function labelOf(days: number): string {
  const [number, unit] = days % 7 === 0 ? [days / 7, "week"] : [days, "day"];
  return `${number} ${unit}${number === 1 ? "" : "s"} earlier`;
}

export function compareSearchOf(raw: Record<string, unknown>): CompareSearch {
  const text = (name: string) => (typeof raw[name] === "string" && raw[name] !== "" ? raw[name] : undefined);
  const by = KINDS.find((kind) => kind === text("by"));
  const base = text("base");
  if (by !== undefined && by !== "period") return { by, base, candidate: text("candidate") };
  return { by, base: ownOf(base) || SHIFTS_DAYS.some((days) => String(days) === base) ? base : undefined };
}

/** The period with which the chosen one is compared. */
export function baseOf(period: Period, base: string | undefined): Period {
  const own = ownOf(base);
  if (own) return own;
  const days = shiftsFor(period).some(({ value }) => value === base) ? Number(base) : 0;
  return days > 0 ? earlier(period, days) : periodBefore(period);
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
    ? { ...period, ...names, model_name: undefined, base_model_name: sides.base, candidate_model_name: sides.candidate }
    : {
        ...period,
        ...names,
        agent_name: undefined,
        base_agent_name: sides.base,
        candidate_agent_name: sides.candidate,
      };
}
