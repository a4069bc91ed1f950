/** Times as the viewer's own clock and calendar show them. */

import type { Interval } from "../filters";

export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const LANGUAGE = navigator.language || "en";

const moment = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(LANGUAGE, { month: "short", day: "numeric" });
const dayAndYear = new Intl.DateTimeFormat(LANGUAGE, { year: "numeric", month: "short", day: "numeric" });
const hour = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit" });
const dayAndClock = new Intl.DateTimeFormat(LANGUAGE, {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});

const dayYearAndClock = new Intl.DateTimeFormat(LANGUAGE, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});

export function fullTime(at: string | number | Date): string {
  return moment.format(new Date(at));
}

export function clockTime(at: string): string {
  return clock.format(new Date(at));
}

export function dayOf(at: string | number): string {
  return day.format(new Date(at));
}

export function hourOf(at: string | number): string {
  return hour.format(new Date(at));
}

export function shortTime(at: string | number): string {
  return dayAndClock.format(new Date(at));
}

/** What a bucket of a chart is called, by its beginning: that of a day is no time of the day. */
export function bucketOf(at: string | number, interval: Interval): string {
  if (interval === "week") return `week of ${dayOf(at)}`;
  return interval === "day" ? dayOf(at) : shortTime(at);
}

/** The day, and its year where that is another one. */
export function dateOf(at: string, now: Date): string {
  const time = new Date(at);
  return (time.getFullYear() === now.getFullYear() ? day : dayAndYear).format(time);
}

/** For lists: the clock for today, else the day too, and the year where that is another one. */
export function listTime(at: string, now: Date): string {
  const time = new Date(at);
  if (time.toDateString() === now.toDateString()) return clock.format(time);
  return (time.getFullYear() === now.getFullYear() ? dayAndClock : dayYearAndClock).format(time);
}

/** How the turns of a conversation are told apart: by the clock, and by the day too where it lasted over several. */
export function turnTime(first: string, last: string, now: Date): (at: string) => string {
  const isOneDay = new Date(first).toDateString() === new Date(last).toDateString();
  return isOneDay ? clockTime : (at) => listTime(at, now);
}

/** From when until when, with the years where one of them is another one. */
export function spanOf({ start, end }: { start: string; end: string }, now: Date): string {
  const times = [new Date(start), new Date(end)];
  const isThisYear = times.every((time) => time.getFullYear() === now.getFullYear());
  return times.map((time) => (isThisYear ? dayAndClock : dayYearAndClock).format(time)).join(" – ");
}

/** "3 min ago", "in 2 days". */
export function ago(at: string, now: number): string {
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
  const seconds = Math.round((new Date(at).getTime() - now) / 1_000);
  const units: [Intl.RelativeTimeFormatUnit, number][] = [
    ["day", 86_400],
    ["hour", 3_600],
    ["minute", 60],
  ];
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return relative.format(seconds, "second");
}
