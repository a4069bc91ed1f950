/** The period and the filters, which live in the address, and what they mean for the API. */

const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const DAYS = ["1", "7", "30", "90"] as const;
const DAYS_DEFAULT = "7";

/** As in the address: text, and only what differs from the default. */
export type Search = {
  project?: string;
  days?: string;
  start?: string;
  end?: string;
  agent?: string;
  model?: string;
  mode?: string;
  session?: string;
  verdict?: "hallucinated" | "grounded";
  min?: string;
  q?: string;
};
export type Period = { start: string; end: string };
export type Interval = "minute" | "hour" | "day" | "week";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What of an address can be understood. The rest is told to be undefined: the router would keep what is not named. */
export function searchOf(raw: Record<string, unknown>): Search {
  const text = (name: string) => {
    const value = raw[name];
    return typeof value === "string" && value !== "" && value.length <= 200 ? value : undefined;
  };
  const start = timeOf(text("start"));
  const end = timeOf(text("end"));
  const days = text("days");
  const verdict = text("verdict");
  const min = Number(text("min"));
  const project = text("project");
  return {
    project: project && UUID.test(project) ? project : undefined,
    days: !start && days && (DAYS as readonly string[]).includes(days) && days !== DAYS_DEFAULT ? days : undefined,
    start: start && end && start < end ? start : undefined,
    end: start && end && start < end ? end : undefined,
    agent: text("agent"),
    model: text("model"),
    mode: text("mode"),
    session: text("session"),
    verdict: verdict === "hallucinated" || verdict === "grounded" ? verdict : undefined,
    min: min > 0 && min <= 1 ? String(min) : undefined,
    q: text("q"),
  };
}

/** Of an address only its project: what a way to another screen keeps at the least. */
export function inProject({ project }: Search): Search {
  return { project };
}

function timeOf(text: string | undefined): string | undefined {
  if (!text || !/^\d{4}-/.test(text)) return undefined;
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

/**
 * The period meant: the one named, or the last days. Ends on a whole hour, so that it stays the same for a while and
 * answers can be kept. Several days are days of the viewer's calendar, of which today is the last.
 */
export function periodOf(search: Search, now: number): Period {
  if (search.start && search.end) return { start: search.start, end: search.end };
  const days = Number(search.days ?? DAYS_DEFAULT);
  const end = Math.ceil(now / HOUR) * HOUR;
  const start = new Date(days > 1 ? end - 1 : end - DAY);
  if (days > 1) {
    start.setHours(0, 0, 0, 0);
    start.setDate(start.getDate() - days + 1);
  }
  return { start: start.toISOString(), end: new Date(end).toISOString() };
}

/** So many evaluations in a bucket tell something together; of fewer, a rate is 0 or 100 %. */
const BUCKET_ROWS_MIN = 3;

/** How finely charts divide the period: coarser where so few evaluations are that fine buckets say nothing. */
export function intervalOf(period: Period, evaluations = Number.POSITIVE_INFINITY): Interval {
  const length = Date.parse(period.end) - Date.parse(period.start);
  const isEnough = (bucket: number) => evaluations * bucket >= BUCKET_ROWS_MIN * length;
  if (length <= 3 * HOUR && isEnough(MINUTE)) return "minute";
  if (length <= 2 * DAY || (length <= 4 * DAY && isEnough(HOUR))) return "hour";
  return length <= 120 * DAY ? "day" : "week";
}

/** Whether the number of evaluations makes a difference to how finely charts divide it. */
export function isDividedByCount(period: Period): boolean {
  return intervalOf(period) !== intervalOf(period, 0);
}

/**
 * What a period is compared with: as long, so many days of the viewer's calendar before that neither is in the other.
 * Those are whole weeks where it is longer than a day: days of the week and hours of the day then lie above each other.
 */
export function periodBefore(period: Period): Period {
  const step = Date.parse(period.end) - Date.parse(period.start) > DAY ? 7 : 1;
  for (let days = step; ; days += step) {
    const before = earlier(period, days);
    if (before.end <= period.start) return before;
  }
}

/** The same period so many days of the viewer's calendar before. */
export function earlier({ start, end }: Period, days: number): Period {
  return { start: daysBack(start, days), end: daysBack(end, days) };
}

function daysBack(time: string, days: number): string {
  const back = new Date(time);
  back.setDate(back.getDate() - days);
  return back.toISOString();
}

/**
 * The period of the buckets from the first to the last one, which begin at `times`, in milliseconds; the first and the
 * last of all end where the period does. Whole hours of the viewer's clock, as the API counts.
 */
export function zoomOf(times: number[], { start, end }: Period, first: number, last: number): Period {
  const from = wholeHour(Math.max(times[first] ?? 0, Date.parse(start)), Math.floor);
  const until = wholeHour(times[last + 1] ?? Date.parse(end), Math.ceil);
  return { start: new Date(from).toISOString(), end: new Date(until).toISOString() };
}

function wholeHour(time: number, round: (hours: number) => number): number {
  const shift = (new Date(time).getTimezoneOffset() * MINUTE) % HOUR;
  return round((time - shift) / HOUR) * HOUR + shift;
}

/** A first bucket that the period cuts is shown as far from the second as the others are from each other. */
export function evenly(times: number[]): number[] {
  const [first, second, third] = times;
  if (first === undefined || second === undefined || third === undefined) return times;
  const [shown, whole] = [second - first, third - second];
  // The second one is the day on which clocks go back, and has an hour more than the first.
  if (whole > DAY && whole - shown === HOUR) return times;
  return [Math.min(first, second - whole), ...times.slice(1)];
}

/** The names by which analytics are filtered. */
export function namesOf(search: Search) {
  return { agent_name: search.agent, model_name: search.model, mode: search.mode };
}

export function periodLabel(search: Search): string {
  if (search.start) return "the chosen period";
  return search.days === "1" ? "the last 24 hours" : `the last ${search.days ?? DAYS_DEFAULT} days`;
}
