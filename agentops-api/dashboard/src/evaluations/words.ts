/** What the search for words can look for, of what was typed, and where texts have it. */

const WORDS_MAX = 10;
/** Scripts without spaces between words: what is written in one without a space counts as one word. */
const SPACELESS = ["Han", "Hira", "Kana", "Bopo", "Thai", "Laoo", "Mymr", "Khmr"]
  .map((script) => `\\p{Script=${script}}`)
  .join("");
const IS_SPACELESS = new RegExp(`^[${SPACELESS}]`, "u");
const WORDS = new RegExp(`[${SPACELESS}]+|(?:(?![${SPACELESS}])[\\p{L}\\p{M}\\p{N}_])+`, "gu");

/** `q`: what is asked of the server, undefined where there is no word. The rest is for whoever typed it. */
export type Sought = { q: string | undefined; fault: string | null; note: string | null };

/** The text up to its tenth word, for the server takes no more. */
export function soughtOf(text: string | undefined): Sought {
  if (!text) return { q: undefined, fault: null, note: null };
  const words = new Set<string>();
  let end = 0;
  for (const { 0: word, index } of text.matchAll(WORDS)) {
    words.add(word.toLowerCase());
    if (words.size > WORDS_MAX) {
      return { q: text.slice(0, end), fault: null, note: "Searched for the first ten words; the rest is left out." };
    }
    end = index + word.length;
  }
  if (words.size > 0) return { q: text, fault: null, note: null };
  return { q: undefined, fault: "There is no word in this: all are shown. Type letters or digits.", note: null };
}

/** So much of a text is looked through for what to mark, and so much of each text of a list, which shows many. */
const LOOKED_AT_CHARS_MAX = 100_000;
const IN_LIST_CHARS_MAX = 10_000;
/** A text that has what was looked for this far from its beginning is shown from there, with so much before it. */
const FAR_CHARS = 60;
const BEFORE_CHARS = 24;

/** A part of a text, and whether it is what was looked for. */
export type Part = { text: string; isFound: boolean };

/** The text in its order, in parts: words are found in any form and case, as the server does,
 * but for those with a soft hyphen within. */
export function partsOf(text: string, q: string | undefined): Part[] {
  const wanted = new Set(Array.from(q?.matchAll(WORDS) ?? [], ([word]) => plain(word)));
  const parts: Part[] = [];
  let end = 0;
  const add = (until: number, isFound: boolean) => {
    if (until > end) parts.push({ text: text.slice(end, until), isFound });
    end = Math.max(end, until);
  };
  if (wanted.size > 0) {
    for (const { 0: word, index } of text.slice(0, LOOKED_AT_CHARS_MAX).matchAll(WORDS)) {
      for (const [from, to] of placesIn(word, wanted)) {
        add(index + from, false);
        add(index + to, true);
      }
    }
  }
  add(text.length, false);
  return parts;
}

/** The text, or, where what was looked for comes late in it, the text from shortly before. */
export function fromFound(text: string, q: string | undefined): string {
  const [first, second] = partsOf(text.slice(0, IN_LIST_CHARS_MAX), q);
  if (!first || !second || first.text.length < FAR_CHARS) return text;
  const from = first.text.length - BEFORE_CHARS;
  const space = text.indexOf(" ", from);
  return `… ${text.slice(space >= 0 && space < first.text.length ? space + 1 : from)}`;
}

/** As the server reads texts: in small letters, one form, and with one sigma. */
function plain(text: string): string {
  return text.normalize("NFKC").toLowerCase().replaceAll("ς", "σ");
}

/** Where a word, or characters without a space between them, have what is wanted; in order. */
function placesIn(word: string, wanted: Set<string>): [number, number][] {
  const text = plain(word);
  if (!IS_SPACELESS.test(word)) return wanted.has(text) ? [[0, word.length]] : [];
  const phrases = [...wanted].filter((each) => text.includes(each));
  // In another form the places are others.
  if (text.length !== word.length) return phrases.length > 0 ? [[0, word.length]] : [];
  const places = phrases.flatMap((phrase) =>
    Array.from(text.matchAll(new RegExp(phrase, "gu")), ({ index }): [number, number] => [
      index,
      index + phrase.length,
    ]),
  );
  return places.sort(([a], [b]) => a - b);
}
