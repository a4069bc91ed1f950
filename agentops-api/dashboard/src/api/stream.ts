/** Evaluations as they arrive: server-sent events by fetch, because EventSource sends no credentials of ours. */

import { useEffect, useRef, useState } from "react";
import { type Evaluation, fetchSignedIn, Problem } from "./client";
import { type Event, eventsOf } from "./events";

const RETRY_MS = 2_000;
export type Wanted = { hallucinated?: boolean; agent_name?: string; model_name?: string; session_id?: string };
export type Listening = "connecting" | "live" | "waiting";

/** Calls `onEvaluation` for each new one while the component is there and `wanted` is not null. */
export function useStream(wanted: Wanted | null, onEvaluation: (evaluation: Evaluation) => void): Listening {
  const [state, setState] = useState<Listening>("connecting");
  const latest = useRef(onEvaluation);
  latest.current = onEvaluation;
  const key = wanted === null ? null : JSON.stringify(wanted);
  useEffect(() => {
    if (key === null) return;
    // Of another stream than the one that was listened to before.
    setState("connecting");
    const stop = new AbortController();
    void listen(JSON.parse(key) as Wanted, stop.signal, setState, (each) => latest.current(each));
    return () => stop.abort();
  }, [key]);
  return state;
}

async function listen(
  wanted: Wanted,
  signal: AbortSignal,
  tell: (state: Listening) => void,
  onEvaluation: (evaluation: Evaluation) => void,
): Promise<void> {
  let last = "";
  const query = new URLSearchParams(Object.entries(wanted).map(([name, value]) => [name, String(value)]));
  while (!signal.aborted) {
    try {
      const address = `${location.origin}/api/v1/evaluations/stream?${query}`;
      const headers: HeadersInit = last ? { "Last-Event-ID": last } : {};
      const answer = await fetchSignedIn(new Request(address, { headers, signal }));
      if (answer.ok && answer.body) {
        tell("live");
        for await (const event of read(answer.body)) {
          last = event.id || last;
          if (event.type === "evaluation") onEvaluation(JSON.parse(event.data) as Evaluation);
        }
      }
    } catch (error) {
      if (error instanceof Problem) return;
      // Else the connection broke, or the page went on; the loop's condition tells which.
    }
    if (!signal.aborted) {
      tell("waiting");
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
  }
}

async function* read(body: ReadableStream<Uint8Array>): AsyncGenerator<Event> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const [events, left] = eventsOf(rest + value);
    rest = left;
    yield* events;
  }
}
