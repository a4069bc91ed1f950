/** The sentences of an answer with what was found about each, cut out of the whole text. */

import type { Schemas } from "../api/client";

export type Claim = Schemas["Claim"];
export type Evidence = Schemas["Evidence"];
export type Label = Claim["label"];
/** A stretch of the answer; what lies between claims has none. */
export type Stretch = { text: string; claim: number | null };

export const LABELS: Record<Label, string> = {
  supported: "Supported",
  unsupported: "Unsupported",
  contradicted: "Contradicted",
  not_checkable: "Not checkable",
};

/** The text before, from and behind two positions, which count Unicode characters, as the server's do. */
export function cutAt(text: string, start: number, end: number): [string, string, string] {
  const characters = [...text];
  const [from, until] = [Math.min(start, characters.length), Math.min(Math.max(start, end), characters.length)];
  const part = (...range: [number, number?]) => characters.slice(...range).join("");
  return [part(0, from), part(from, until), part(until)];
}

/** The whole answer in stretches. Positions count Unicode characters, as the server's do. */
export function stretchesOf(response: string, claims: Claim[]): Stretch[] {
  const characters = [...response];
  const order = claims.map((claim, index) => ({ claim, index })).toSorted((a, b) => a.claim.start - b.claim.start);
  const stretches: Stretch[] = [];
  let at = 0;
  for (const { claim, index } of order) {
    if (claim.start < at || claim.end <= claim.start || claim.end > characters.length) continue;
    if (claim.start > at) stretches.push({ text: characters.slice(at, claim.start).join(""), claim: null });
    stretches.push({ text: characters.slice(claim.start, claim.end).join(""), claim: index });
    at = claim.end;
  }
  if (at < characters.length) stretches.push({ text: characters.slice(at).join(""), claim: null });
  return stretches;
}
