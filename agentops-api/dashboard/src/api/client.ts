/** Calls of the public API, typed by its OpenAPI document. */

import createClient from "openapi-fetch";
import type { components, paths } from "./schema";
import { accessToken, refuse } from "./session";

export type Schemas = components["schemas"];
export type Evaluation = Schemas["Evaluation"];
export type Figures = Schemas["Figures"];
export type Change = Schemas["Change"];

/** What a failed call says, for people. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly requestId: string | null,
    readonly fields: { field: string; message: string }[] = [],
  ) {
    super(message);
  }

  /** Whether the same call would fail again, whatever happens meanwhile: what was asked for is at fault. */
  get isFinal(): boolean {
    return this.status >= 400 && this.status < 500 && this.status !== 408 && this.status !== 429;
  }
}

/** What is said where no answer comes. */
export const SILENT = "The server does not answer. Is it running, and is this machine online?";

let projectId: string | null = null;

/** From now on, calls are about this project; null: the default one. */
export function workIn(id: string | null): void {
  projectId = id;
}

/** `fetch` with the session's token; a token that was refused is renewed once. */
export async function fetchSignedIn(request: Request): Promise<Response> {
  const again = request.clone();
  const text = await accessToken();
  if (text === null) throw new Problem(401, "Your session ended. Log in to go on.", null);
  const answer = await fetch(withCredentials(request, text));
  if (answer.status !== 401) return answer;
  refuse(text);
  const renewed = await accessToken();
  return renewed ? fetch(withCredentials(again, renewed)) : answer;
}

function withCredentials(request: Request, text: string): Request {
  const headers = new Headers(request.headers);
  headers.set("Authorization", `Bearer ${text}`);
  if (projectId && !new URL(request.url).pathname.startsWith("/auth/")) headers.set("X-Project-Id", projectId);
  return new Request(request, { headers });
}

const options = { baseUrl: location.origin, querySerializer: { array: { style: "form", explode: true } } } as const;

export const api = createClient<paths>({ ...options, fetch: fetchSignedIn });
/** For the calls that open a session. */
export const publicApi = createClient<paths>(options);

type Result<T> = { data?: T; error?: unknown; response: Response };

/** The answer, or a thrown Problem. */
export async function told<T>(call: Promise<Result<T>>): Promise<T> {
  const result = await call.catch((error: unknown) => {
    if (error instanceof Problem) throw error;
    throw new Problem(0, SILENT, null);
  });
  if (result.response.ok) return result.data as T;
  throw problemOf(result.response, result.error);
}

export function problemOf(response: Response, body: unknown): Problem {
  const told = (typeof body === "object" && body !== null ? body : {}) as Partial<Schemas["Problem"]>;
  const message = told.detail ?? `The server answered ${response.status}.`;
  return new Problem(response.status, message, response.headers.get("X-Request-ID"), told.errors ?? []);
}
