/** Numbers as people read them, with their units. Null is an en dash: nothing was measured. */

export const NOTHING = "–";
const LANGUAGE = "en";
const whole = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(LANGUAGE, { notation: "compact", maximumSignificantDigits: 3 });
const score2 = new Intl.NumberFormat(LANGUAGE, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const three = new Intl.NumberFormat(LANGUAGE, { maximumSignificantDigits: 3 });

type Maybe = number | null | undefined;

export function count(value: Maybe): string {
  if (value == null) return NOTHING;
  return Math.abs(value) < 10_000 ? whole.format(value) : short.format(value);
}

export function exactCount(value: Maybe): string {
  return value == null ? NOTHING : whole.format(value);
}

export function percent(value: Maybe): string {
  if (value == null) return NOTHING;
  const hundred = value * 100;
  return `${hundred.toFixed(Math.abs(hundred) < 19.95 ? 1 : 0)} %`;
}

export function score(value: Maybe): string {
  return value == null ? NOTHING : score2.format(value);
}

/** A mean of scores, with three digits: what the difference to another one says is to be seen in them. */
export function mean(value: Maybe): string {
  if (value == null) return NOTHING;
  const places = value > 0 ? 2 - Math.floor(Math.log10(value)) : 2;
  return value.toFixed(Math.max(2, Math.min(5, places)));
}

/** Seconds, as the largest unit that makes them readable. */
export function seconds(value: Maybe): string {
  if (value == null) return NOTHING;
  if (value < 0.9995) return `${three.format(Math.round(value * 1e5) / 100)} ms`;
  if (value < 119.5) return `${value.toFixed(value < 9.995 ? 2 : 1)} s`;
  return value < 7_200 ? `${three.format(value / 60)} min` : `${three.format(value / 3_600)} h`;
}

/** How long something lasted, in the units of a clock: "12 s", "1 min 48 s", "2 h 5 min". */
export function lasted(value: Maybe): string {
  if (value == null) return NOTHING;
  const whole = Math.round(value);
  const [hours, minutes, rest] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, whole % 60];
  if (hours >= 48) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${rest} s` : `${rest} s`;
}

/** Bytes, as the largest decimal unit that makes them readable. */
export function bytes(value: Maybe): string {
  if (value == null) return NOTHING;
  const units = ["bytes", "kB", "MB", "GB"];
  const power = Math.min(units.length - 1, value < 1 ? 0 : Math.floor(Math.log10(value) / 3));
  return `${three.format(value / 1_000 ** power)} ${units[power]}`;
}

export function perSecond(value: Maybe): string {
  return value == null ? NOTHING : `${three.format(value)}/s`;
}

/** How a value differs from the one before: "+12 %", "−0.4 pp" for rates. Null where either is missing. */
export function difference(now: Maybe, before: Maybe, kind: "rate" | "value"): string | null {
  if (now == null || before == null) return null;
  if (kind === "rate") return `${signed((now - before) * 100, 1)} pp`;
  if (before === 0) return now === 0 ? "±0 %" : null;
  const change = (now / before - 1) * 100;
  return `${signed(change, Math.abs(change) < 9.95 ? 1 : 0)} %`;
}

function signed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return `±${text}`;
  return `${value > 0 ? "+" : "−"}${text}`;
}
