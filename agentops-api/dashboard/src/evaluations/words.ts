/** What the search for words can look for, of what was typed. */

const WORDS_MAX = 10;
/** Scripts without spaces between words: what is written in one without a space counts as one word. */
const SPACELESS = ["Han", "Hira", "Kana", "Bopo", "Thai", "Laoo", "Mymr", "Khmr"]
  .map((script) => `\\p{Script=${script}}`)
  .join("");
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
