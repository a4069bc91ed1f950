/** Files, fetched with the session's token, which a plain link could not show. */

import { fetchSignedIn, problemOf } from "../api/client";
import type { ExportFile } from "./file";

/** Fetches the file and hands it to the browser, which holds all of it meanwhile. */
export async function download(
  { path, name }: ExportFile,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const answer = await fetchSignedIn(new Request(new URL(path, location.origin), { signal }));
  if (!answer.ok || !answer.body) throw problemOf(answer, await answer.json().catch(() => null));
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  const reader = answer.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    bytes += part.value.length;
    onBytes(bytes);
  }
  save(new Blob(parts), name);
}

function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
