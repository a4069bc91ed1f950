import { Link } from "@tanstack/react-router";
import { ToConnect } from "../filterbar/Nothing";
import type { Search } from "../filters";
import { Empty, Panel } from "../ui/Page";

/** An empty list: because of the filters, or because nothing was ever sent. */
export function Nothing({ search }: { search: Search }) {
  const { project, ...filters } = search;
  const isFiltered = Object.values(filters).some((value) => value !== undefined);
  return (
    <Panel>
      {isFiltered ? (
        <Empty
          title="No evaluations match"
          action={
            <Link to="/evaluations" search={{ project, days: "90" }}>
              Show all of the last 90 days
            </Link>
          }
        >
          Take a filter away, or choose a longer period.
        </Empty>
      ) : (
        <Empty title="No evaluations in the last 7 days" action={<ToConnect />}>
          They are listed here as soon as an agent sends them.
        </Empty>
      )}
    </Panel>
  );
}
