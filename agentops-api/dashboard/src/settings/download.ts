/** Downloads with the session's token, which a plain link could not show. */

import { fetchSignedIn, problemOf } from "../api/client";
import { periodOf, type Search } from "../filters";

export async function download(
  search: Search,
  format: string,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const period = periodOf(search, Date.now());
  const query = new URLSearchParams({ format, start_date: period.start, end_date: period.end });
  if (search.agent) query.set("agent_name", search.agent);
  if (search.model) query.set("model_name", search.model);
  const answer = await fetchSignedIn(new Request(`${location.origin}/api/v1/exports/evaluations?${query}`, { signal }));
  if (!answer.ok || !answer.body) throw problemOf(answer, await answer.json().catch(() => null));
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  const reader = answer.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    bytes += part.value.length;
    onBytes(bytes);
  }
  save(new Blob(parts), `evaluations.${format}`);
}

function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
