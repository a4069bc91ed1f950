import { expect, test } from "vitest";
import { eventsOf } from "./events";

const EVENT = 'event: evaluation\nid: abc\ndata: {"prompt": "a: b"}\n\n';

test("whole events are read, and the rest waits for more", () => {
  const [events, rest] = eventsOf(`${EVENT}${EVENT}event: eval`);
  expect(events).toEqual(Array(2).fill({ type: "evaluation", id: "abc", data: '{"prompt": "a: b"}' }));
  expect(rest).toBe("event: eval");
});

test("an event cut anywhere is read once its end came", () => {
  for (let cut = 0; cut < EVENT.length; cut += 1) {
    const [first, rest] = eventsOf(EVENT.slice(0, cut));
    const [second] = eventsOf(rest + EVENT.slice(cut));
    expect([...first, ...second]).toHaveLength(1);
  }
});

test("heartbeats and the hint to retry are no events", () => {
  expect(eventsOf("retry: 2000\n\n: still here\n\n")).toEqual([[], ""]);
});
