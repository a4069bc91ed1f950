import { useLocation } from "@tanstack/react-router";
import { usePlace } from "../shell/Projects";

/** The address of what is shown, with its project: whoever is in several finds it too. */
export function useLink(): string {
  useLocation();
  const project = usePlace()?.project.id;
  const link = new URL(location.href);
  if (project) link.searchParams.set("project", project);
  return link.href;
}
