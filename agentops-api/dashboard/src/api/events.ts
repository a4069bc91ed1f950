/** Server-sent events, read from text as our server writes it: lines end with "\n", and data is one line. */

export type Event = { type: string; id: string; data: string };

/** The whole events at the beginning of the text, and what is left. */
export function eventsOf(text: string): [Event[], string] {
  const blocks = text.split("\n\n");
  const rest = blocks.pop() ?? "";
  return [blocks.map(eventOf).filter((each) => each.data !== ""), rest];
}

function eventOf(block: string): Event {
  const event: Event = { type: "message", id: "", data: "" };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon < 1) continue;
    const [name, value] = [line.slice(0, colon), line.slice(colon + 2)];
    if (name === "event") event.type = value;
    else if (name === "id" || name === "data") event[name] = value;
  }
  return event;
}
