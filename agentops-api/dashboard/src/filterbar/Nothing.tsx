import { Link } from "@tanstack/react-router";
import { inProject, periodLabel, type Search } from "../filters";
import { Empty, Panel } from "../ui/Page";
import styles from "./filterbar.module.css";
import { useChange } from "./PeriodPicker";

/** Instead of figures: because of the filters there are none, or because nothing was ever sent. */
export function Nothing({ search }: { search: Search }) {
  const change = useChange();
  const by = [
    search.agent && `by ${search.agent}`,
    search.model && `with ${search.model}`,
    search.mode && `checked as ${search.mode}`,
  ].filter((each) => each !== undefined);
  const isFiltered = by.length > 0 || search.start !== undefined || search.days !== undefined;
  const nothing = { agent: undefined, model: undefined, mode: undefined };
  return (
    <Panel>
      {isFiltered ? (
        <Empty
          title="No evaluations match"
          action={
            <button
              type="button"
              className={styles.plain}
              onClick={() =>
                change(by.length > 0 ? nothing : { ...nothing, start: undefined, end: undefined, days: "90" })
              }
            >
              {by.length > 0 ? "Clear the filters" : "Show everything of the last 90 days"}
            </button>
          }
        >
          Nothing was sent in {[periodLabel(search), ...by].join(" ")}.
        </Empty>
      ) : (
        <Empty title="No evaluations yet" action={<ToConnect />}>
          As soon as an agent sends its first evaluation, its hallucination rate, latency and scores are here.
        </Empty>
      )}
    </Panel>
  );
}

/** The way to a first evaluation. */
export function ToConnect() {
  return (
    <Link to="/connect" search={inProject}>
      Connect your agent
    </Link>
  );
}
