import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import type { Evaluation } from "../api/client";
import { Verdict } from "../ui/Badge";
import { CopyButton } from "../ui/Copy";
import { Failed } from "../ui/Failure";
import { Glyph } from "../ui/icons";
import { Page, Panel, Skeleton } from "../ui/Page";
import { fullTime } from "../ui/time";
import { Answer } from "./Answer";
import type { Evidence } from "./claims";
import { Documents } from "./Documents";
import styles from "./detail.module.css";
import { Facts } from "./Facts";
import { marked, useMarked } from "./marked";
import { evaluationQuery, listQuery } from "./queries";

export function Screen() {
  const { id } = useParams({ from: "/signed-in/evaluations/$id" });
  const search = useSearch({ from: "/signed-in" });
  const { data, error, refetch } = useQuery(evaluationQuery(id, search.project));
  const tools = (
    <>
      <Neighbours id={id} />
      <Beside id={id} />
      <CopyButton text={location.href} label="Copy link" />
    </>
  );
  return (
    <Page title="Evaluation" tools={tools}>
      {error && !data && (
        <Failed
          error={error}
          retry={() => void refetch()}
          other={
            <Link to="/evaluations" search={search}>
              To the list
            </Link>
          }
        />
      )}
      {!error && !data && <Skeleton height={480} />}
      {data && <Content key={data.id} evaluation={data} />}
    </Page>
  );
}

function Content({ evaluation }: { evaluation: Evaluation }) {
  const [evidence, setEvidence] = useState<Evidence | null>(null);
  return (
    <>
      <p className={styles.lead}>
        <Verdict hallucinated={evaluation.hallucinated} />
        <time dateTime={evaluation.created_at}>{fullTime(evaluation.created_at)}</time>
        {evaluation.agent_name && <span>{evaluation.agent_name}</span>}
        {evaluation.model_name && <span>{evaluation.model_name}</span>}
      </p>
      <div className={styles.columns}>
        <div className={styles.main}>
          <Panel title="Prompt">
            <p className={styles.text}>{evaluation.prompt || <em className={styles.none}>empty</em>}</p>
          </Panel>
          <Answer evaluation={evaluation} show={evaluation.retrieved_docs?.length ? setEvidence : undefined} />
          <Documents documents={evaluation.retrieved_docs} evidence={evidence} />
        </div>
        <Facts evaluation={evaluation} />
      </div>
    </>
  );
}

/** The one before and the one after in the list, also by the keys J and K. */
function Neighbours({ id }: { id: string }) {
  const search = useSearch({ from: "/signed-in" });
  const navigate = useNavigate();
  const list = useInfiniteQuery(listQuery(search));
  const rows = list.data?.pages.flatMap((page) => page.data) ?? [];
  const place = rows.findIndex((row) => row.id === id);
  const isLast = place === rows.length - 1;
  useEffect(() => {
    if (place >= 0 && isLast && list.hasNextPage && !list.isFetchingNextPage) void list.fetchNextPage();
  }, [place, isLast, list]);
  const newer = place > 0 ? rows[place - 1] : undefined;
  const older = place >= 0 ? rows[place + 1] : undefined;
  const go = (row: Evaluation | undefined) =>
    row && void navigate({ to: "/evaluations/$id", params: { id: row.id }, search, replace: true });
  useHotkeys([
    ["j", () => go(older)],
    ["k", () => go(newer)],
    ["Escape", () => void navigate({ to: "/evaluations", search })],
  ]);
  return (
    <div className={styles.neighbours}>
      <Tooltip label="Newer (K)">
        <ActionIcon aria-label="The newer evaluation" disabled={!newer} onClick={() => go(newer)}>
          <Glyph name="up" />
        </ActionIcon>
      </Tooltip>
      <Tooltip label="Older (J)">
        <ActionIcon aria-label="The older evaluation" disabled={!older} onClick={() => go(older)}>
          <Glyph name="down" />
        </ActionIcon>
      </Tooltip>
      <Link to="/evaluations" search={search} className={styles.back}>
        All evaluations
      </Link>
    </div>
  );
}

/** Marks this evaluation and lets another one be chosen, or lays the marked one beside it. */
function Beside({ id }: { id: string }) {
  const search = useSearch({ from: "/signed-in" });
  const navigate = useNavigate();
  const other = useMarked();
  const mark = () => {
    marked.set(id);
    void navigate({ to: "/evaluations", search });
  };
  if (!other || other === id) {
    return (
      <Button size="xs" variant="default" onClick={mark}>
        Compare with …
      </Button>
    );
  }
  const compare = () => {
    marked.set(null);
    void navigate({ to: "/evaluations/beside/$left/$right", params: { left: other, right: id }, search });
  };
  return (
    <Button size="xs" onClick={compare}>
      Compare with the marked one
    </Button>
  );
}
