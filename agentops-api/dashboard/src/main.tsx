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
import { setLive } from "./evaluations/live";
import { marked } from "./evaluations/marked";
import { queryClient } from "./queries";
import { router } from "./routes";
import { theme } from "./ui/theme";

onEnd((why) => {
  void queryClient.cancelQueries();
  // Whoever signs in next begins anew.
  marked.set(null);
  setLive(false);
  const { pathname, searchStr } = router.state.location;
  const isOutside = pathname.endsWith("/login") || pathname.endsWith("/register");
  if (why === "changed") {
    queryClient.clear();
    // Whoever waited to log in goes on where they meant to; else the address was about the other one's data.
    if (isOutside) location.reload();
    else location.replace("/app/");
    return;
  }
  const from = pathname + searchStr;
  const search = why === "expired" ? { why, from } : {};
  const left = isOutside ? Promise.resolve() : router.navigate({ to: "/login", search });
  // Not before: what is still shown would ask anew.
  void left.then(() => queryClient.clear());
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
