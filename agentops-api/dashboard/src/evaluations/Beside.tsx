import { useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import type { MouseEvent } from "react";
import type { Evaluation } from "../api/client";
import { Verdict } from "../ui/Badge";
import { Failed } from "../ui/Failure";
import { NOTHING, perSecond, score, seconds } from "../ui/numbers";
import { Page, Panel, Skeleton } from "../ui/Page";
import { fullTime } from "../ui/time";
import { Answer } from "./Answer";
import { Documents } from "./Documents";
import styles from "./detail.module.css";
import { SCORES } from "./Facts";
import { useLeave } from "./leave";
import { evaluationQuery } from "./queries";
import { CopyText, Prompt } from "./Text";

/** Two evaluations side by side. */
export function Screen() {
  const { left, right } = useParams({ from: "/signed-in/evaluations/beside/$left/$right" });
  const search = useSearch({ from: "/signed-in" });
  const leave = useLeave();
  const [one, other] = [
    useQuery(evaluationQuery(left, search.project)),
    useQuery(evaluationQuery(right, search.project)),
  ];
  const failed = [one, other].find(({ error }) => error);
  const leaveHere = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    leave();
  };
  const tools = (
    <Link to="/evaluations" search={search} className={styles.back} onClick={leaveHere}>
      All evaluations
    </Link>
  );
  const list = (
    <Link to="/evaluations" search={search}>
      To the list
    </Link>
  );
  return (
    <Page title="Two evaluations" tools={tools}>
      {failed && <Failed error={failed.error} retry={() => void failed.refetch()} other={list} />}
      {!failed && one.data && other.data && <Both pair={[one.data, other.data]} />}
      {/* Both come at once: the first would push the second down. */}
      {!failed && !(one.data && other.data) && <Skeleton height={480} />}
    </Page>
  );
}

type Pair = [Evaluation, Evaluation];

function Both({ pair }: { pair: Pair }) {
  const search = useSearch({ from: "/signed-in" });
  return (
    <>
      <div className={styles.beside}>
        {pair.map((each, index) => (
          <p key={index === 0 ? "left" : "right"} className={styles.lead}>
            <Verdict hallucinated={each.hallucinated} />
            <Link to="/evaluations/$id" params={{ id: each.id }} search={search}>
              {fullTime(each.created_at)}
            </Link>
          </p>
        ))}
      </div>
      <Differences pair={pair} />
      <div className={styles.beside}>
        {pair.map((each, index) => (
          <div key={index === 0 ? "left" : "right"} className={styles.main}>
            <Panel title="Prompt" aside={<CopyText of="prompt" text={each.prompt} />}>
              <Prompt text={each.prompt} />
            </Panel>
            <Answer evaluation={each} />
            <Documents documents={each.retrieved_docs} evidence={null} />
          </div>
        ))}
      </div>
    </>
  );
}

/** Everything that is no text, line by line: what differs is marked. */
function Differences({ pair }: { pair: Pair }) {
  return (
    <Panel title="Facts" note="what differs is marked">
      <table className={styles.differences}>
        <thead className={styles.unseen}>
          <tr>
            <th scope="col">Fact</th>
            <th scope="col">First</th>
            <th scope="col">Second</th>
          </tr>
        </thead>
        <tbody>
          {factsOf(pair).map(({ name, values: [one, other] }) => (
            <tr key={name} data-differs={one !== other || undefined}>
              <th scope="row">{name}</th>
              <td className="num">{one}</td>
              <td className="num">{other}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function factsOf(pair: Pair): { name: string; values: [string, string] }[] {
  const fact = (name: string, of: (each: Evaluation) => string | null | undefined) => ({
    name,
    values: pair.map((each) => of(each) ?? NOTHING) as [string, string],
  });
  const metadata = new Set(pair.flatMap((each) => Object.keys(each.metadata ?? {})));
  return [
    ...SCORES.map(({ name, label }) => fact(label, (each) => score(each[name]))),
    fact("Latency", (each) => seconds(each.latency_sec)),
    fact("Throughput", (each) => perSecond(each.throughput_qps)),
    fact("Agent", (each) => each.agent_name),
    fact("Model", (each) => each.model_name),
    fact("Mode", (each) => each.mode),
    fact("Session", (each) => each.session_id),
    ...[...metadata].toSorted().map((key) => ({
      ...fact(key, ({ metadata: all }) => (all && Object.hasOwn(all, key) ? String(all[key]) : null)),
      name: `Metadata: ${key}`,
    })),
  ];
}
