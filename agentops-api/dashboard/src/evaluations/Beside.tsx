import { useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import { Verdict } from "../ui/Badge";
import { Failed } from "../ui/Failure";
import { Page, Panel, Skeleton } from "../ui/Page";
import { fullTime } from "../ui/time";
import { Answer } from "./Answer";
import styles from "./detail.module.css";
import { Scores } from "./Facts";
import { evaluationQuery } from "./queries";

/** Two evaluations side by side. */
export function Screen() {
  const { left, right } = useParams({ from: "/signed-in/evaluations/beside/$left/$right" });
  return (
    <Page title="Two evaluations">
      <div className={styles.beside}>
        <Side id={left} />
        <Side id={right} />
      </div>
    </Page>
  );
}

function Side({ id }: { id: string }) {
  const search = useSearch({ from: "/signed-in" });
  const { data, error, refetch } = useQuery(evaluationQuery(id, search.project));
  if (error) {
    const other = (
      <Link to="/evaluations" search={search}>
        To the list
      </Link>
    );
    return <Failed error={error} retry={() => void refetch()} other={other} />;
  }
  if (!data) return <Skeleton height={480} />;
  return (
    <div className={styles.main}>
      <p className={styles.lead}>
        <Verdict hallucinated={data.hallucinated} />
        <Link to="/evaluations/$id" params={{ id }} search={search}>
          {fullTime(data.created_at)}
        </Link>
        <span>{data.agent_name}</span>
        <span>{data.model_name}</span>
      </p>
      <Panel title="Scores">
        <Scores evaluation={data} />
      </Panel>
      <Panel title="Prompt">
        <p className={styles.text}>{data.prompt}</p>
      </Panel>
      <Answer evaluation={data} />
    </div>
  );
}
