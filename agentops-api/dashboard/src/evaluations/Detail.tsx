import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { type MouseEvent, useEffect, useRef, useState } from "react";
import type { Evaluation } from "../api/client";
import { useLink } from "../filterbar/link";
import { type Search, searchOf } from "../filters";
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
import { alone, LATE, useKeys } from "./keys";
import { further, useLeave, useReturn } from "./leave";
import { marked, useMarked } from "./marked";
import { evaluationQuery, listQuery, neighboursQuery, type Which } from "./queries";
import { read } from "./read";
import { CopyText, Prompt } from "./Text";
import { soughtOf } from "./words";

export function Screen() {
  const { id } = useParams({ from: "/signed-in/evaluations/$id" });
  const search = useSearch({ from: "/signed-in" });
  const { data, error, refetch } = useQuery(evaluationQuery(id, search.project));
  const link = useLink();
  const isThere = data !== undefined || !error;
  useEffect(() => {
    read.open(id);
    return read.leave;
  }, [id]);
  const tools = (
    <>
      <Neighbours id={id} evaluation={data} />
      {isThere && <Beside id={id} />}
      {isThere && <CopyButton text={link} label="Copy link" />}
    </>
  );
  return (
    <Page title="Evaluation" tools={tools}>
      {error && !data && (
        <Failed
          error={error}
          retry={() => void refetch()}
          other={
            <Link to="/evaluations" search={searchOf(search)}>
              To the list
            </Link>
          }
        />
      )}
      {!error && !data && <Skeleton height={480} />}
      {data && <Content key={data.id} evaluation={data} q={soughtOf(search.q).q} />}
    </Page>
  );
}

/** `q`: the words by which it was found. */
function Content({ evaluation, q }: { evaluation: Evaluation; q: string | undefined }) {
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
          <Panel title="Prompt" aside={<CopyText of="prompt" text={evaluation.prompt} />}>
            <Prompt text={evaluation.prompt} q={q} />
          </Panel>
          <Answer evaluation={evaluation} q={q} show={evaluation.retrieved_docs?.length ? setEvidence : undefined} />
          <Documents documents={evaluation.retrieved_docs} evidence={evidence} />
        </div>
        <Facts evaluation={evaluation} />
      </div>
    </>
  );
}

/** The one before and the one after in the list, also by keys. */
function Neighbours({ id, evaluation }: { id: string; evaluation: Evaluation | undefined }) {
  const search = useSearch({ from: "/signed-in" });
  const navigate = useNavigate();
  const leave = useLeave();
  const back = useReturn();
  const client = useQueryClient();
  const { older, newer } = useNeighbours(id, evaluation, search);
  const asked = useRef(0);
  const go = async (which: Which, known: string | null | undefined) => {
    asked.current += 1;
    const [from, turn] = [location.href, asked.current];
    // A key may be pressed before its neighbour is known.
    const here = evaluation ?? (await client.ensureQueryData(evaluationQuery(id, search.project)).catch(() => null));
    if (!here) return;
    const ask = () => client.ensureQueryData(neighboursQuery(search, here, which)).catch(() => null);
    const to = known === undefined ? await ask() : known;
    // Meanwhile the reader may have gone elsewhere, or have asked for another one.
    if (to === null || location.href !== from || asked.current !== turn) return;
    const back = neighboursQuery(search, { ...here, id: to }, which === "older" ? "newer" : "older");
    client.setQueryData(back.queryKey, id);
    read.open(to);
    await navigate({ to: "/evaluations/$id", params: { id: to }, search, state: true, replace: true });
  };
  useKeys([
    ["j", alone(() => void go("older", older)), LATE],
    ["k", alone(() => void go("newer", newer)), LATE],
    ["Escape", alone(back ?? leave), LATE],
  ]);
  const leaveHere = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    (back ?? leave)();
  };
  return (
    <div className={styles.neighbours}>
      <Tooltip label="Newer (K)">
        <ActionIcon aria-label="The newer evaluation" disabled={!newer} onClick={() => void go("newer", newer)}>
          <Glyph name="up" />
        </ActionIcon>
      </Tooltip>
      <Tooltip label="Older (J)">
        <ActionIcon aria-label="The older evaluation" disabled={!older} onClick={() => void go("older", older)}>
          <Glyph name="down" />
        </ActionIcon>
      </Tooltip>
      {back ? (
        <Link
          to="/sessions/view"
          search={{ ...searchOf(search), of: evaluation?.session_id ?? undefined } as Search}
          className={styles.back}
          onClick={leaveHere}
        >
          The session
        </Link>
      ) : (
        <Link to="/evaluations" search={searchOf(search)} className={styles.back} onClick={leaveHere}>
          All evaluations
        </Link>
      )}
    </div>
  );
}

/** The ids of the older and the newer one: from the list if it is loaded so far, else asked for. */
function useNeighbours(id: string, evaluation: Evaluation | undefined, search: Search) {
  const list = useInfiniteQuery({ ...listQuery(search), enabled: false });
  const rows = list.data?.pages.flatMap((page) => page.data) ?? [];
  const place = rows.findIndex((row) => row.id === id);
  const isLast = place === rows.length - 1;
  const mayGoOn = list.hasNextPage && !list.isFetchingNextPage && !list.isFetchNextPageError;
  useEffect(() => {
    if (place >= 0 && isLast && mayGoOn) void list.fetchNextPage();
  }, [place, isLast, mayGoOn, list]);
  const alone = place < 0 && evaluation?.id === id ? evaluation : undefined;
  const older = useQuery(neighboursQuery(search, alone, "older"));
  const newer = useQuery(neighboursQuery(search, alone, "newer"));
  if (place < 0) return { older: older.data, newer: newer.data };
  return { older: rows[place + 1]?.id ?? (list.hasNextPage ? undefined : null), newer: rows[place - 1]?.id ?? null };
}

/** Marks this evaluation and lets another one be chosen, or lays the marked one beside it. */
function Beside({ id }: { id: string }) {
  const search = useSearch({ from: "/signed-in" });
  const navigate = useNavigate();
  const other = useMarked();
  const leave = useLeave();
  const mark = () => {
    marked.set(id);
    leave();
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
    void navigate({
      to: "/evaluations/beside/$left/$right",
      params: { left: other, right: id },
      search,
      state: further,
    });
  };
  return (
    <Button size="xs" onClick={compare}>
      Compare with the marked one
    </Button>
  );
}
