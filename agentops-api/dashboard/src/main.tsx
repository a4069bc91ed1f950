import "./ui/styles";
import "react-dom/client";
import "@mantine/core";
import "./pause";
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { onEnd } from "./api/session";
import { queryClient } from "./queries";
import { router } from "./routes";
import { theme } from "./ui/theme";

const RELOADED = "agentops.reloaded";
const RELOAD_MS_MIN = 30_000;

onEnd((why) => {
  void queryClient.cancelQueries();
  const { pathname, searchStr } = router.state.location;
  const from = pathname + searchStr;
  const search = why === "expired" ? { why, from } : {};
  const left = pathname.endsWith("/login") ? Promise.resolve() : router.navigate({ to: "/login", search });
  // Not before: what is still shown would ask anew.
  void left.then(() => queryClient.clear());
});

// After an upgrade, a page that was open before asks for code that is no longer there: it is loaded anew, once.
window.addEventListener("vite:preloadError", (event) => {
  const last = Number(sessionStorage.getItem(RELOADED) ?? 0);
  if (Date.now() - last < RELOAD_MS_MIN) return;
  event.preventDefault();
  sessionStorage.setItem(RELOADED, String(Date.now()));
  location.reload();
});

// The screen's code comes while the session is opened anew, and not after that. Whoever needs it says what failed.
for (const { options } of router.getMatchedRoutes(router.latestLocation.pathname)[0]) {
  options.component?.preload?.()?.catch(() => undefined);
}

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
        <QueryClientProvider client={queryClient}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
