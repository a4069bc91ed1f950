/** Texts of agents, as they are named where one line stands for them. */

// Spaces, controls and what has no width: soft hyphens, joiners, fillers.
const SEEN = /[^\s\p{Cc}\p{Default_Ignorable_Code_Point}]/u;

/** Whether nobody would see anything of it. */
export function isBlank(text: string): boolean {
  return !SEEN.test(text);
}

/** The text, or what is said where there is none to be seen. */
export function shownOf(text: string): string {
  return isBlank(text) ? "(empty)" : text;
}

/** The same, of a long one the beginning. */
export function nameOf(text: string, chars = 200): string {
  return shownOf(text).slice(0, chars);
}
