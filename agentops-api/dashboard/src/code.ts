/** Code that is loaded when it is first needed, and what happens where it cannot be had. */

import { Problem, SILENT } from "./api/client";

const RELOADED = "agentops.reloaded";
const PROBE_MS_MAX = 5_000;

/** Some of the page's code is not there. Browsers may keep that in mind, so only loading the page anew asks again. */
export class Unloaded extends Problem {}

const GONE = "A part of the dashboard could not be loaded.";

/** The loaded code. It may be asked for ahead, by who only points at a link. */
export async function loaded<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch {
    throw new Unloaded(0, (await canReload()) ? GONE : SILENT, null);
  }
}

/**
 * After an upgrade, a page that was open before asks for what is gone: then the page is to be loaded anew, but once. The
 * name is that of this build's entry: where the page is still of the same build, loading it again would not help.
 */
export function isOfOldBuild(error: unknown): boolean {
  return error instanceof Unloaded && error.message === GONE && sessionStorage.getItem(RELOADED) !== import.meta.url;
}

export function reload(): void {
  sessionStorage.setItem(RELOADED, import.meta.url);
  location.reload();
}

/** The server has the page; else the browser would show its own error in its place. */
export async function canReload(): Promise<boolean> {
  const options = { cache: "no-store", signal: AbortSignal.timeout(PROBE_MS_MAX) } as const;
  return fetch("/app/", options).then(
    (answer) => answer.ok,
    () => false,
  );
}
