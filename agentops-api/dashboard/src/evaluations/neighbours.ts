/**
 * What lies beside an evaluation in a list that is not loaded. The API lists newest first: what is older it has at once.
 * What is newer is looked for in a window that begins at the evaluation and grows until there is something in it.
 */

export type Placed = { id: string; created_at: string };
export type Rows<T> = { rows: T[]; hasMore: boolean };
/**
 * The rows from `start` on and before `end`, in milliseconds, newest first: a page of them, or with `through` as many
 * pages as it takes to that one.
 */
export type Ask<T> = (start: number, end: number, through?: Placed) => Promise<Rows<T>>;

const WINDOW_MS = 60_000;
const GROWTH = 12;
/** From a minute to years, and back to where few enough are. */
const ASKED_MAX = 24;

/** The newer ones closest to this one, newest first: so many at least (no more than a page has), or all there are. */
export async function newerThan<T extends Placed>(here: Placed, now: number, ask: Ask<T>, wanted = 1): Promise<T[]> {
  const start = Date.parse(here.created_at);
  const last = Math.max(now, start) + WINDOW_MS - start;
  let [few, many] = [0, Number.POSITIVE_INFINITY];
  let size = WINDOW_MS;
  for (let asked = 0; asked < ASKED_MAX; asked += 1) {
    const { rows, hasMore } = await ask(start, start + size);
    const newer = newerAmong(here, rows);
    const isWhole = !hasMore || rows.some(({ id }) => id === here.id);
    if (isWhole && (newer.length >= wanted || size >= last)) return newer;
    if (isWhole) few = size;
    else many = size;
    // Between what has too few and what has too many; while nothing has too many, further.
    size = many === Number.POSITIVE_INFINITY ? Math.min(size * GROWTH, last) : Math.floor(Math.sqrt((few || 1) * many));
    if (size <= few || size >= many) break;
  }
  // More than a page of one millisecond: what was sent together.
  return newerAmong(here, (await ask(start, start + many, here)).rows);
}

/** Those that stand before this one. Where the filter leaves it out, those are all that are later. */
function newerAmong<T extends Placed>(here: Placed, rows: T[]): T[] {
  const place = rows.findIndex(({ id }) => id === here.id);
  if (place >= 0) return rows.slice(0, place);
  return rows.filter(({ created_at }) => Date.parse(created_at) > Date.parse(here.created_at));
}

/** Those behind this one, of rows that begin at its time. */
export function olderAmong<T extends Placed>(here: Placed, rows: T[]): T[] {
  const place = rows.findIndex(({ id }) => id === here.id);
  if (place >= 0) return rows.slice(place + 1);
  return rows.filter(({ created_at }) => Date.parse(created_at) <= Date.parse(here.created_at));
}

/** The first moment, in whole milliseconds, that is surely later. */
export function justAfter({ created_at }: Placed): number {
  return Math.floor(Date.parse(created_at)) + 1;
}
