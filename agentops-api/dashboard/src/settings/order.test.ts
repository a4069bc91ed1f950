import { expect, test } from "vitest";
import { choiceOf, orderOf } from "./order";

const NOW = Date.parse("2026-11-24T13:20:00Z");
const SEARCH = { days: "30", agent: "a", mode: "fast", session: "s", verdict: "grounded", min: "0.5", q: "x" } as const;

test("an export is of what the list shows, but for words", () => {
  const { start_date, end_date, ...rest } = orderOf(SEARCH, "parquet", NOW);
  expect(rest).toEqual({
    agent_name: "a",
    mode: "fast",
    session_id: "s",
    hallucinated: false,
    min_hallucination_probability: 0.5,
    format: "parquet",
    gzip: true,
  });
  expect(end_date).toBe("2026-11-24T14:00:00.000Z");
  expect(String(start_date) < "2026-10-27").toBe(true);
});

test("CSV is for spreadsheets", () => {
  expect(orderOf({}, "csv", NOW)).toMatchObject({ format: "csv", gzip: false, spreadsheet: true });
  expect(orderOf({}, "jsonl", NOW)).not.toHaveProperty("spreadsheet");
});

test("an order says what it is of, whoever made it", () => {
  const [period, ...filters] = choiceOf(orderOf(SEARCH, "csv", NOW), new Date(NOW));
  expect(period).toMatch(/ – /);
  expect(filters).toEqual(["agent a", "mode fast", "session s", "grounded", "probability at least 0.5"]);
  expect(choiceOf({}, new Date(NOW))).toEqual(["of all times"]);
});
