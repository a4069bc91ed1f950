import { expect, test } from "vitest";
import { type Ask, newerThan, olderAmong, type Placed } from "./neighbours";

const NOW = Date.parse("2026-11-28T12:00:00Z");
const PAGE = 100;

/** A list whose rows lie so many milliseconds back, as the API would answer for it. */
function listOf(...agesMs: number[]) {
  const rows: Placed[] = agesMs
    .toSorted((a, b) => a - b)
    .map((age, index) => ({ id: `${index}`, created_at: new Date(NOW - age).toISOString() }));
  const asked: number[] = [];
  const ask: Ask<Placed> = async (start, end, through) => {
    asked.push(end - start);
    const found = rows.filter(({ created_at: at }) => Date.parse(at) >= start && Date.parse(at) < end);
    const length = Math.max(PAGE, found.findIndex(({ id }) => id === through?.id) + 1);
    return { rows: found.slice(0, length), hasMore: found.length > length };
  };
  return { rows, ask, asked };
}

async function newerOf(list: ReturnType<typeof listOf>, place: number) {
  const here = list.rows[place];
  if (!here) throw new Error("no such row");
  return (await newerThan(here, NOW, list.ask)).at(-1)?.id;
}

test("the next newer one is found whether it is a second or a year away", async () => {
  const day = 86_400_000;
  for (const gap of [1, 1_000, 3_600_000, day, 365 * day]) {
    const list = listOf(gap * 2, gap, 0);
    expect(await newerOf(list, 2)).toBe("1");
    expect(await newerOf(list, 1)).toBe("0");
    expect(list.asked.length).toBeLessThan(20);
  }
});

test("where a minute has more than a page, the window becomes smaller", async () => {
  const list = listOf(...Array.from({ length: 20_000 }, (_, index) => index * 5));
  expect(await newerOf(list, 15_000)).toBe("14999");
  expect(list.asked.length).toBeLessThan(20);
});

test("as many as are wanted are found, or all there are", async () => {
  const list = listOf(...Array.from({ length: 5_000 }, (_, index) => index * 700));
  for (const [place, wanted] of [
    [4_000, 50],
    [60, 50],
    [30, 50],
  ] as const) {
    const here = list.rows[place] as Placed;
    const found = await newerThan(here, NOW, list.ask, wanted);
    expect(found.at(-1)?.id).toBe(`${place - 1}`);
    expect(found.length).toBeGreaterThanOrEqual(Math.min(wanted, place));
  }
});

test("nothing is newer than the newest one", async () => {
  expect(await newerOf(listOf(0, 5_000), 0)).toBeUndefined();
  expect(await newerOf(listOf(400 * 86_400_000), 0)).toBeUndefined();
});

test("of more than a page of the same millisecond the one before is found", async () => {
  const list = listOf(...Array.from({ length: 300 }, () => 5_000));
  expect(await newerOf(list, 250)).toBe("249");
  expect(list.asked.length).toBeLessThan(26);
});

test("an evaluation that the filter leaves out has neighbours by its time", async () => {
  const list = listOf(1_000, 9_000);
  const here = { id: "other", created_at: new Date(NOW - 5_000).toISOString() };
  expect((await newerThan(here, NOW, list.ask)).map(({ id }) => id)).toEqual(["0"]);
  expect(olderAmong(here, list.rows).map(({ id }) => id)).toEqual(["1"]);
});
