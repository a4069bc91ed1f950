/** The addresses of the screens. Each screen's code is loaded when it is first shown. */

import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { Problem, type Schemas, workIn } from "./api/client";
import { accessToken, hasExpired, maySignIn } from "./api/session";
import { loaded } from "./code";
import { type Search, searchOf } from "./filters";
import { meQuery, queryClient } from "./queries";
import { Shell } from "./shell/Shell";
import { Failure } from "./ui/Failure";
import { Missing, Waiting } from "./ui/Missing";

const root = createRootRoute({ notFoundComponent: Missing });

export type LoginSearch = { why?: "expired"; from?: string };
/** Which conversation is read. */
export type ConversationSearch = Search & { of?: string };

/** Whoever is signed in already goes on into the application; who logs out there can log in as somebody else. */
async function goOn(to: string): Promise<void> {
  const text = maySignIn() ? await accessToken().catch(() => null) : null;
  if (text !== null) throw redirect({ href: to, replace: true });
}

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  // Both are named whatever they are: the router would keep what is not.
  validateSearch: (raw: Record<string, unknown>): LoginSearch => ({
    why: raw.why === "expired" ? "expired" : undefined,
    // Only ever an address of ours: what stands behind the application's own path.
    from: typeof raw.from === "string" && /^\/[a-z?]/.test(raw.from) ? raw.from : undefined,
  }),
  beforeLoad: ({ search }) => goOn(search.from ?? "/"),
  errorComponent: Failure,
  component: lazyRouteComponent(() => loaded(() => import("./auth/SignIn")), "SignIn"),
});

const register = createRoute({
  getParentRoute: () => root,
  path: "/register",
  beforeLoad: () => goOn("/"),
  errorComponent: Failure,
  component: lazyRouteComponent(() => loaded(() => import("./auth/Register")), "Register"),
});

const signedIn = createRoute({
  getParentRoute: () => root,
  id: "signed-in",
  validateSearch: searchOf,
  beforeLoad: async ({ location, search, preload }) => {
    if ((await accessToken()) === null) {
      const from = location.pathname === "/" ? undefined : location.pathname + location.searchStr;
      throw redirect({ to: "/login", search: { from, why: hasExpired() ? "expired" : undefined } });
    }
    const { project } = search as Search;
    // A link that is only pointed at changes nothing for the screen that is shown.
    if (!preload) workIn(project ?? null);
    const isTheirs = (me: Schemas["Me"]) =>
      me.organizations.some(({ projects }) => projects.some(({ id }) => id === project));
    const me = await queryClient.ensureQueryData(meQuery);
    // They may have joined it since the answer was kept.
    if (project && !isTheirs(me) && !isTheirs(await queryClient.fetchQuery({ ...meQuery, staleTime: 0 }))) {
      throw new Problem(404, "There is no such project, or it is not yours. Ask whom you have the link from.", null);
    }
  },
  component: Shell,
  errorComponent: Failure,
  pendingComponent: Waiting,
});

const screen = <P extends string>(path: P, load: () => Promise<{ Screen: React.ComponentType }>) =>
  createRoute({
    getParentRoute: () => signedIn,
    path,
    component: lazyRouteComponent(() => loaded(load), "Screen"),
    errorComponent: Failure,
  });

const conversation = createRoute({
  getParentRoute: () => signedIn,
  path: "/sessions/view",
  beforeLoad: ({ search }) => {
    if (!(search as ConversationSearch).of) throw redirect({ to: "/sessions", search });
  },
  component: lazyRouteComponent(() => loaded(() => import("./sessions/Conversation")), "Screen"),
  errorComponent: Failure,
});

const tree = root.addChildren([
  login,
  register,
  signedIn.addChildren([
    screen("/", () => import("./overview/Screen")),
    screen("/connect", () => import("./connect/Screen")),
    screen("/evaluations", () => import("./evaluations/Screen")),
    screen("/evaluations/beside/$left/$right", () => import("./evaluations/Beside")),
    screen("/evaluations/$id", () => import("./evaluations/Detail")),
    screen("/sessions", () => import("./sessions/Screen")),
    conversation,
    screen("/compare", () => import("./compare/Screen")),
    screen("/settings", () => import("./settings/Screen")),
  ]),
]);

export const router = createRouter({
  routeTree: tree,
  basepath: "/app",
  defaultPreload: "intent",
  defaultPreloadStaleTime: 0,
  defaultPendingMs: 300,
  defaultErrorComponent: Failure,
  scrollRestoration: true,
  // Plain queries: what stands in the address is what was meant, and can be read.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const pairs = Object.entries(search).filter(([, value]) => value !== undefined && value !== "");
    const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
    return text && `?${text}`;
  },
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
