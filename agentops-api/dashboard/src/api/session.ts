/**
 * Who is signed in, in this tab. The access token lives in memory only; the refresh token in a cookie that no script can
 * read (docs/adr/0014). Each refresh token works once, and a second use ends the session, so all tabs take turns.
 */

const SIGNED_IN = "agentops.signed-in";
const REFRESHING = "agentops.refreshing";
const REFRESH_EARLY_MS = 60_000;
/** A page that was closed amid a refresh leaves it to the browser to finish; so long the next page waits for it. */
const HANDOVER_MS = 1_500;

type Token = { text: string; until: number };
type Answer = { access_token: string; expires_in: number };
/** "changed": the browser's session is somebody else's now, and the page must be loaded anew. */
export type Ended = "expired" | "signed-out" | "changed";
type Told = { signedIn: string } | "signed-out";

let token: Token | null = null;
/** Whose data this page shows. */
let holder: string | null = null;
let expired = false;
let changed = false;
let pending: Promise<string | null> | null = null;
/** How many sessions ended while the page was open. */
let ends = 0;
const listeners = new Set<(why: Ended) => void>();
const channel = new BroadcastChannel("agentops.session");
channel.onmessage = ({ data }: MessageEvent<Told>) => {
  if (data === "signed-out") end("signed-out", false);
  else if (data.signedIn !== holder) change();
};

/** Tells when the session is over or another one, in whichever tab that came about. */
export function onEnd(listener: (why: Ended) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Somebody signed in with this browser, and did not sign out. Whether the session still lives is not known yet. */
export function maySignIn(): boolean {
  return token !== null || localStorage.getItem(SIGNED_IN) !== null;
}

/** A good access token, or null when the session is over. */
export async function accessToken(): Promise<string | null> {
  if (token && Date.now() < token.until - REFRESH_EARLY_MS) return token.text;
  pending ??= inTurn(refresh).finally(() => {
    pending = null;
  });
  const text = await pending;
  // The page goes; what it still asks for is answered to nobody.
  return changed ? new Promise<never>(() => undefined) : text;
}

/** The server refused this token: it is asked for another one. */
export function refuse(text: string): void {
  if (token?.text === text) token = null;
}

/** The last session was ended by the server, not by its holder. */
export function hasExpired(): boolean {
  return expired;
}

/** Somebody signed in here; the other tabs are told. */
export function begin(answer: Answer): void {
  take(answer);
  holder = holderOf(answer);
  channel.postMessage({ signedIn: holder } satisfies Told);
}

function take(answer: Answer): void {
  token = { text: answer.access_token, until: Date.now() + answer.expires_in * 1_000 };
  expired = false;
  localStorage.setItem(SIGNED_IN, "yes");
}

/** The user's id, as the token (RFC 7519) says it. */
function holderOf({ access_token }: Answer): string {
  const [, claims = ""] = access_token.split(".");
  return (JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/"))) as { sub: string }).sub;
}

/** Throws where the server did not hear of it: only it can end the session. */
export async function signOut(): Promise<void> {
  const text = await accessToken();
  // In turn: a refresh that is on its way would bring a new cookie, and all tabs would be signed in again.
  await inTurn(async () => {
    if (text) {
      const headers = { Authorization: `Bearer ${text}` };
      const answer = await fetch("/auth/logout", { method: "POST", headers, keepalive: true }).catch(() => null);
      // 401: it was over already.
      if (!answer?.ok && answer?.status !== 401) throw new Error("The server did not end the session.");
    }
    end("signed-out", true);
  });
}

function end(why: "expired" | "signed-out", tellOthers: boolean): void {
  ends += 1;
  token = null;
  holder = null;
  expired = why === "expired";
  localStorage.removeItem(SIGNED_IN);
  if (tellOthers) channel.postMessage("signed-out" satisfies Told);
  for (const listener of listeners) listener(why);
}

function change(): void {
  token = null;
  changed = true;
  for (const listener of listeners) listener("changed");
}

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  // Without TLS only pages of this machine have locks; elsewhere tabs that refresh at once may have to sign in again.
  return navigator.locks ? navigator.locks.request("agentops.refresh", work) : work();
}

async function refresh(): Promise<string | null> {
  if (changed) return null;
  if (!maySignIn()) {
    // Another tab learnt that the session is over.
    if (holder !== null) end("expired", false);
    return null;
  }
  const endsBefore = ends;
  const begun = Number(localStorage.getItem(REFRESHING) ?? 0);
  const wait = begun + HANDOVER_MS - Date.now();
  if (wait > 0 && wait <= HANDOVER_MS) await new Promise((done) => setTimeout(done, wait));
  localStorage.setItem(REFRESHING, String(Date.now()));
  try {
    // `keepalive`: the browser takes in the new cookie even when the page is closed before the answer came.
    const answer = await fetch("/auth/refresh", { method: "POST", keepalive: true });
    if (answer.ok) {
      const renewed = (await answer.json()) as Answer;
      // Where tabs cannot take turns.
      if (ends !== endsBefore) return null;
      // Whatever the other tabs told or did not: the cookie is the browser's, and whoever signed in last has it.
      const now = holderOf(renewed);
      if (holder !== null && now !== holder) {
        change();
        return null;
      }
      holder = now;
      take(renewed);
      return renewed.access_token;
    }
    if (answer.status === 401 || answer.status === 403) {
      end("expired", false);
      return null;
    }
    throw new Error(`The server cannot renew the session now (${answer.status}).`);
  } finally {
    localStorage.removeItem(REFRESHING);
  }
}
