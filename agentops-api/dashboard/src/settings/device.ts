/** What a browser or program calls itself, as people call it. */

const PROGRAMS: [RegExp, string][] = [
  [/\bEdgA?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/\b(Headless)?Chrome\/|\bCriOS\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];
const SYSTEMS: [RegExp, string][] = [
  [/\biPhone\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b/, "macOS"],
  [/\bLinux\b|\bCrOS\b/, "Linux"],
];

/** "Firefox on Linux"; a program's own first word; or that it did not say. */
export function deviceOf(userAgent: string): string {
  const named = (list: [RegExp, string][]) => list.find(([pattern]) => pattern.test(userAgent))?.[1];
  const [program, system] = [named(PROGRAMS), named(SYSTEMS)];
  if (program) return system ? `${program} on ${system}` : program;
  return userAgent.split(/[\s/]/, 1)[0] || "A program that gave no name";
}
