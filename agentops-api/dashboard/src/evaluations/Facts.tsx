import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import type { Evaluation } from "../api/client";
import { type Search, searchOf } from "../filters";
import { Bar, type Tone } from "../ui/Badge";
import { CopyIcon } from "../ui/Copy";
import { NOTHING, perSecond, score, seconds } from "../ui/numbers";
import { Panel } from "../ui/Page";
import { turnTime } from "../ui/time";
import styles from "./detail.module.css";
import { further } from "./leave";
import { sessionQuery } from "./queries";
import { nameOf } from "./text";
import { verification } from "./verification";

type ScoreName = "hallucination_probability" | "factual_support" | "semantic_drift" | "uncertainty";
export const SCORES: { name: ScoreName; label: string; tone: Tone }[] = [
  { name: "hallucination_probability", label: "Hallucination probability", tone: "bad" },
  { name: "factual_support", label: "Factual support", tone: "good" },
  { name: "semantic_drift", label: "Semantic drift", tone: "accent" },
  { name: "uncertainty", label: "Uncertainty", tone: "warn" },
];

/** What is known of an answer beside its texts. */
export function Facts({ evaluation }: { evaluation: Evaluation }) {
  const metadata = Object.entries(evaluation.metadata ?? {});
  return (
    <aside className={styles.facts} aria-label="Facts">
      <Panel title="Scores">
        <Scores evaluation={evaluation} />
      </Panel>
      <Panel title="Details">
        <dl className={styles.list}>
          <Fact label="Latency" value={seconds(evaluation.latency_sec)} />
          <Fact label="Throughput" value={perSecond(evaluation.throughput_qps)} />
          <Fact label="Mode" value={evaluation.mode ?? NOTHING} />
          {evaluation.status && <Fact label="Verification" value={verification(evaluation.status, evaluation.mode)} />}
          {evaluation.detector && <Fact label="Detector" value={evaluation.detector} />}
          {evaluation.scoring && <Fact label="Scoring" value={evaluation.scoring} />}
          <Id label="Id" of="the id" value={evaluation.id} />
          {evaluation.session_id && <Id label="Session" of="the session's id" value={evaluation.session_id} />}
        </dl>
      </Panel>
      {metadata.length > 0 && (
        <Panel title="Metadata">
          <dl className={styles.list}>
            {metadata.map(([name, value]) => (
              <Fact key={name} label={name} value={value === null ? "null" : String(value)} />
            ))}
          </dl>
        </Panel>
      )}
      {evaluation.session_id && <Session evaluation={evaluation} sessionId={evaluation.session_id} />}
    </aside>
  );
}

export function Scores({ evaluation }: { evaluation: Evaluation }) {
  return (
    <dl className={styles.scores}>
      {SCORES.map(({ name, label, tone }) => (
        <div key={name}>
          <dt>{label}</dt>
          <dd className="num">{score(evaluation[name])}</dd>
          {evaluation[name] !== null && (
            <dd className={styles.scoreBar}>
              <Bar value={evaluation[name]} tone={tone} />
            </dd>
          )}
        </div>
      ))}
    </dl>
  );
}

function Fact({ label, value }: { label: string; value: string }) {
  return (
    <div>
      <dt dir="auto">{label}</dt>
      <dd className="num" dir="auto">
        {value}
      </dd>
    </div>
  );
}

function Id({ label, of, value }: { label: string; of: string; value: string }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd className={styles.id}>
        <code title={value}>{value}</code>
        <CopyIcon text={value} label={`Copy ${of}`} />
      </dd>
    </div>
  );
}

/** The conversation around the answer. */
function Session({ evaluation, sessionId }: { evaluation: Evaluation; sessionId: string }) {
  const search = useSearch({ from: "/signed-in" });
  const { data } = useQuery(sessionQuery(evaluation, search.project));
  const turns = data?.turns ?? [evaluation];
  const timeOf = turnTime(turns[0]?.created_at ?? "", turns.at(-1)?.created_at ?? "", new Date());
  const here = useRef<HTMLLIElement>(null);
  useEffect(() => {
    const list = data && here.current?.parentElement;
    if (list && here.current) list.scrollTop = here.current.offsetTop - list.clientHeight / 2;
  }, [data]);
  return (
    <Panel
      title="In this session"
      aside={
        <Link to="/sessions/view" search={{ ...searchOf(search), of: sessionId } as Search} className={styles.whole}>
          Read it
        </Link>
      }
    >
      <ol className={styles.turns}>
        {data?.hasEarlier && <li className={styles.further}>There are earlier ones.</li>}
        {turns.map((turn) => (
          <li
            key={turn.id}
            ref={turn.id === evaluation.id ? here : null}
            data-here={turn.id === evaluation.id || undefined}
          >
            <Link
              to="/evaluations/$id"
              params={{ id: turn.id }}
              search={search}
              state={further}
              className={styles.turn}
            >
              <i data-verdict={turn.hallucinated === null ? "none" : turn.hallucinated ? "bad" : "good"} />
              <span className={styles.turnText} dir="auto">
                {nameOf(turn.prompt)}
              </span>
              <span className="num">{timeOf(turn.created_at)}</span>
            </Link>
          </li>
        ))}
        {data?.hasLater && <li className={styles.further}>There are later ones.</li>}
      </ol>
    </Panel>
  );
}
