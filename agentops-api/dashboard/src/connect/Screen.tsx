import { Button, SegmentedControl } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { api, type Evaluation, told } from "../api/client";
import { type Listening, useStream } from "../api/stream";
import { usePlace } from "../shell/Projects";
import { Badge, Verdict } from "../ui/Badge";
import { Code, CopyIcon } from "../ui/Copy";
import { Glyph } from "../ui/icons";
import { percent, seconds } from "../ui/numbers";
import { Page, Panel } from "../ui/Page";
import styles from "./connect.module.css";
import { curlSnippet, pythonSnippet } from "./snippets";

const PLACEHOLDER = "agops_…";

/** From nothing to the first evaluation: a key, something to paste, and what arrives. */
export function Screen() {
  const place = usePlace();
  const client = useQueryClient();
  const made = useMutation({
    mutationFn: () =>
      told(api.POST("/auth/api-keys", { body: { name: "First key", project_id: place?.project.id ?? null } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["keys"] }),
  });
  const mayMake = place !== undefined && place.organization.role !== "viewer";
  const key = made.data?.key;
  const [arrived, setArrived] = useState<Evaluation | null>(null);
  return (
    <Page title="Connect an agent">
      <ol className={styles.steps}>
        <Step number={1} title="Make a key" isDone={key !== undefined}>
          {key ? (
            <MadeKey text={key} />
          ) : (
            <>
              <p className={styles.lead}>An agent shows it with each call. It belongs to this project.</p>
              <Button
                leftSection={<Glyph name="key" />}
                loading={made.isPending}
                disabled={!mayMake}
                onClick={() => made.mutate()}
              >
                Make a key for {place?.project.name ?? "this project"}
              </Button>
              {place && !mayMake && (
                <p className={styles.lead}>As a viewer you may only read; ask an owner for a key.</p>
              )}
              {made.error && <p className={styles.fault}>{made.error.message}</p>}
            </>
          )}
        </Step>
        <Step number={2} title="Send an evaluation">
          <Snippets keyText={key ?? PLACEHOLDER} />
        </Step>
        <Step number={3} title="See it arrive" isDone={arrived !== null}>
          <Arrival arrived={arrived} setArrived={setArrived} />
        </Step>
      </ol>
    </Page>
  );
}

type StepProps = { number: number; title: string; isDone?: boolean; children: ReactNode };

function Step({ number, title, isDone = false, children }: StepProps) {
  return (
    <li className={styles.step}>
      <span className={styles.number} data-done={isDone || undefined}>
        {isDone ? <Glyph name="check" /> : number}
      </span>
      <Panel className={styles.panel}>
        <h2 className={styles.title}>{title}</h2>
        {children}
      </Panel>
    </li>
  );
}

function MadeKey({ text }: { text: string }) {
  return (
    <>
      <p className={styles.lead}>This is the only time that it is shown. Keep it where your agent finds it.</p>
      <div className={styles.key}>
        <code>{text}</code>
        <CopyIcon text={text} label="Copy the key" />
      </div>
    </>
  );
}

function Snippets({ keyText }: { keyText: string }) {
  const [language, setLanguage] = useState("curl");
  const make = language === "curl" ? curlSnippet : pythonSnippet;
  return (
    <>
      <SegmentedControl
        size="xs"
        mb={10}
        aria-label="Language"
        data={[
          { value: "curl", label: "curl" },
          { value: "python", label: "Python" },
        ]}
        value={language}
        onChange={setLanguage}
      />
      <Code text={make(location.origin, keyText)} label={`the ${language} example`} />
    </>
  );
}

const WAITING: Record<Listening, string> = {
  connecting: "Connecting to the server …",
  live: "Waiting for your first evaluation …",
  waiting: "The connection broke; trying again …",
};

type ArrivalProps = { arrived: Evaluation | null; setArrived: (evaluation: Evaluation) => void };

function Arrival({ arrived, setArrived }: ArrivalProps) {
  const client = useQueryClient();
  const state = useStream({}, (evaluation) => {
    setArrived(evaluation);
    void client.invalidateQueries();
  });
  return (
    <div aria-live="polite" className={styles.arrival}>
      {arrived ? (
        <Arrived evaluation={arrived} />
      ) : (
        <p className={styles.waiting} data-state={state}>
          <span className={styles.pulse} aria-hidden="true" />
          {WAITING[state]}
        </p>
      )}
    </div>
  );
}

function Arrived({ evaluation }: { evaluation: Evaluation }) {
  const search = useSearch({ from: "/signed-in" });
  return (
    <div className={styles.arrived}>
      <p className={styles.facts}>
        <Badge tone="accent">It arrived</Badge>
        <Verdict hallucinated={evaluation.hallucinated} />
        <span className="num">
          hallucination probability {percent(evaluation.hallucination_probability)} · {seconds(evaluation.latency_sec)}
        </span>
      </p>
      <p className={styles.prompt}>{evaluation.prompt}</p>
      <p className={styles.response}>{evaluation.response}</p>
      <p className={styles.links}>
        <Link to="/evaluations/$id" params={{ id: evaluation.id }} search={search}>
          Open it
        </Link>
        <Link to="/" search={search}>
          To the overview
        </Link>
      </p>
    </div>
  );
}
