import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import type { Evaluation } from "../api/client";
import { useLink } from "../filterbar/link";
import type { Search } from "../filters";
import { Verdict } from "../ui/Badge";
import { CopyButton } from "../ui/Copy";
import { Failed } from "../ui/Failure";
import { exactCount, lasted, percent, score, seconds } from "../ui/numbers";
import { Page, Skeleton } from "../ui/Page";
import { clockTime, fullTime, listTime } from "../ui/time";
import { conversationQuery } from "./queries";
import styles from "./sessions.module.css";

/** One conversation, from its beginning. */
export function Screen() {
  const search = useSearch({ from: "/signed-in" });
  const { of: id = "" } = useSearch({ strict: false }) as { of?: string };
  const list = useInfiniteQuery(conversationQuery(id, search.project));
  const session = list.data?.pages[0]?.session;
  const turns = list.data?.pages.flatMap((page) => page.data) ?? [];
  const link = useLink();
  const tools = (
    <>
      <Link to="/sessions" search={search} className={styles.back}>
        All sessions
      </Link>
      <CopyButton text={link} label="Copy link" />
    </>
  );
  return (
    <Page title="Session" tools={tools}>
      <p className={styles.lead}>
        <code>{id}</code>
        {session && (
          <span className="num">
            {exactCount(session.evaluations)} {session.evaluations === 1 ? "answer" : "answers"} ·{" "}
            {exactCount(session.hallucinations)} hallucinated ({percent(session.hallucination_rate)}) ·{" "}
            {listTime(session.first_at, new Date())}
            {session.evaluations > 1 && `, over ${lasted(session.duration_s)}`}
          </span>
        )}
      </p>
      {list.isError && (
        <Failed
          error={list.error}
          retry={() => void list.refetch()}
          other={
            <Link to="/sessions" search={search}>
              To the list
            </Link>
          }
        />
      )}
      {list.isPending && <Skeleton height={480} />}
      <ol className={styles.turns}>
        {turns.map((turn) => (
          <Turn key={turn.id} turn={turn} search={search} />
        ))}
      </ol>
      {list.hasNextPage && (
        <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          Later answers
        </Button>
      )}
    </Page>
  );
}

function Turn({ turn, search }: { turn: Evaluation; search: Search }) {
  return (
    <li className={styles.turn}>
      <p className={styles.prompt}>{turn.prompt}</p>
      <div className={styles.answer} data-bad={turn.hallucinated === true || undefined}>
        <p className={styles.text}>{turn.response}</p>
        <p className={styles.facts}>
          <Verdict hallucinated={turn.hallucinated} />
          <span className="num">
            probability {score(turn.hallucination_probability)} · {seconds(turn.latency_sec)}
          </span>
          <span>{turn.model_name}</span>
          <Link to="/evaluations/$id" params={{ id: turn.id }} search={search}>
            <time dateTime={turn.created_at} title={fullTime(turn.created_at)}>
              {clockTime(turn.created_at)}
            </time>
          </Link>
        </p>
      </div>
    </li>
  );
}
