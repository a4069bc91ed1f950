import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import type { Evaluation, Schemas } from "../api/client";
import { FROM_SESSION } from "../evaluations/leave";
import { shownOf } from "../evaluations/text";
import { useLink } from "../filterbar/link";
import { type Search, searchOf } from "../filters";
import { Verdict } from "../ui/Badge";
import { CopyButton } from "../ui/Copy";
import { Failed } from "../ui/Failure";
import { exactCount, lasted, NOTHING, percent, score, seconds } from "../ui/numbers";
import { Page, Skeleton } from "../ui/Page";
import { fullTime, listTime, turnTime } from "../ui/time";
import { conversationQuery } from "./queries";
import styles from "./sessions.module.css";

/** One conversation, from its beginning. */
export function Screen() {
  const search = useSearch({ from: "/signed-in" });
  const { of: id = "" } = useSearch({ strict: false }) as { of?: string };
  const list = useInfiniteQuery(conversationQuery(id, search.project));
  const session = list.data?.pages[0]?.session;
  const turns = list.data?.pages.flatMap((page) => page.data) ?? [];
  const timeOf = turnTime(session?.first_at ?? "", session?.last_at ?? "", new Date());
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
            {hallucinatedOf(session)} · {listTime(session.first_at, new Date())}
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
          <Turn key={turn.id} turn={turn} search={searchOf(search)} timeOf={timeOf} />
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

/** Where nothing was judged, none is not a number of hallucinations. */
function hallucinatedOf({ hallucinations, hallucination_rate }: Schemas["Session"]): string {
  if (hallucination_rate === null) return `${NOTHING} hallucinated`;
  return `${exactCount(hallucinations)} hallucinated (${percent(hallucination_rate)})`;
}

type TurnProps = { turn: Evaluation; search: Search; timeOf: (at: string) => string };

function Turn({ turn, search, timeOf }: TurnProps) {
  const { hallucination_probability: probability, latency_sec: latency } = turn;
  const values = [probability !== null && `probability ${score(probability)}`, latency !== null && seconds(latency)];
  return (
    <li className={styles.turn}>
      <p className={styles.prompt} dir="auto">
        {shownOf(turn.prompt)}
      </p>
      <div className={styles.answer} data-bad={turn.hallucinated === true || undefined}>
        <p className={styles.text} dir="auto">
          {shownOf(turn.response)}
        </p>
        <p className={styles.facts}>
          <Verdict hallucinated={turn.hallucinated} />
          {values.some(Boolean) && <span className="num">{values.filter(Boolean).join(" · ")}</span>}
          {turn.model_name && <span>{turn.model_name}</span>}
          <Link to="/evaluations/$id" params={{ id: turn.id }} search={search} state={FROM_SESSION}>
            <time dateTime={turn.created_at} title={fullTime(turn.created_at)}>
              {timeOf(turn.created_at)}
            </time>
          </Link>
        </p>
      </div>
    </li>
  );
}
