import { Button, SegmentedControl } from "@mantine/core";
import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { api, type Evaluation, type Schemas, told } from "../api/client";
import { type Listening, useStream } from "../api/stream";
import { shownOf } from "../evaluations/text";
import { keptIn } from "../queries";
import { usePlace } from "../shell/Projects";
import { Badge, Verdict } from "../ui/Badge";
import { Code, CopyIcon } from "../ui/Copy";
import { Glyph } from "../ui/icons";
import { score, seconds } from "../ui/numbers";
import { Page, Panel } from "../ui/Page";
import { ago, fullTime, shortTime } from "../ui/time";
import styles from "./connect.module.css";
import { curlSnippet, PIP, pythonSnippet } from "./snippets";

const PLACEHOLDER = "agops_…";

/** From nothing to the first evaluation: a key, something to paste, and what arrives. */
export function Screen() {
  const [key, setKey] = useState<string | null>(null);
  const { project } = useSearch({ from: "/signed-in" });
  const kept = useQuery(newestKeyQuery(usePlace()?.project.id));
  const [arrived, setArrived] = useState<Evaluation | null>(null);
  const client = useQueryClient();
  const state = useStream(arrived ? null : {}, (evaluation) => {
    setArrived(evaluation);
    void client.invalidateQueries({ refetchType: "none" });
  });
  const stored = useQuery(newestQuery(project, state === "live"));
  const newest = arrived ?? stored.data ?? null;
  const [opened] = useState(Date.now);
  // What came just before the stream listened is among what is stored.
  const isNew = arrived !== null || (newest !== null && Date.parse(newest.created_at) >= opened);
  return (
    <Page title="Connect an agent">
      <ol className={styles.steps}>
        <Step number={1} title="Make a key" isDone={key !== null || kept.data != null || newest !== null}>
          {key ? (
            <MadeKey text={key} />
          ) : (
            <MakeKey kept={kept.isPending ? undefined : (kept.data ?? null)} show={setKey} />
          )}
        </Step>
        <Step number={2} title="Send an evaluation" isDone={newest !== null}>
          <Snippets keyText={key ?? PLACEHOLDER} />
        </Step>
        <Step number={3} title="See it arrive" isDone={newest !== null}>
          <div aria-live="polite" className={styles.arrival}>
            {newest && <Arrived key={newest.id} evaluation={newest} isNew={isNew} />}
            {!arrived && <Waiting state={state} isFirst={newest === null} />}
          </div>
        </Step>
      </ol>
    </Page>
  );
}

/** The newest evaluation that is stored; asked anew when the stream listens, because what came just before is in neither. */
function newestQuery(project: string | undefined, isLive: boolean) {
  return queryOptions({
    queryKey: ["newest", project, isLive],
    queryFn: async () => {
      const page = await told(api.GET("/evaluations", { params: { query: { limit: 1 } } }));
      return page.data[0] ?? null;
    },
    placeholderData: keptIn(project),
    // The stream may have broken for a moment only.
    staleTime: 0,
    refetchOnWindowFocus: false,
  });
}

/** The newest key of the project that works. */
function newestKeyQuery(project_id: string | undefined) {
  return queryOptions({
    queryKey: ["keys", project_id, "newest"],
    queryFn: async () => {
      const page = await told(api.GET("/auth/api-keys", { params: { query: { project_id } } }));
      return page.data.find((each) => each.is_active) ?? null;
    },
    enabled: project_id !== undefined,
  });
}

const MAKING = ["making a key"];
/** `kept`: a key that there is; undefined while nobody knows. */
type MakeKeyProps = { kept: Schemas["Key"] | null | undefined; show: (key: string) => void };

function MakeKey({ kept, show }: MakeKeyProps) {
  const place = usePlace();
  const client = useQueryClient();
  const made = useMutation({
    mutationKey: MAKING,
    mutationFn: () => {
      // All that the snippets do is send.
      const name = kept ? `Key of ${shortTime(Date.now())}` : "First key";
      const body = { name, project_id: place?.project.id ?? null, scopes: ["ingest" as const] };
      return told(api.POST("/auth/api-keys", { body }));
    },
    onSuccess: ({ key }) => {
      show(key);
      void client.invalidateQueries({ queryKey: ["keys"] });
    },
  });
  const make = () => {
    // The second click of two may come before the button shows that it was pressed.
    if (client.isMutating({ mutationKey: MAKING }) === 0) made.mutate();
  };
  const mayMake = place !== undefined && place.organization.role !== "viewer";
  return (
    <>
      <p className={styles.lead}>
        {kept === null && "An agent shows it with each call. It belongs to this project, and may only send."}
        {kept && (
          <>
            There is a key, “{kept.name}” (<code>{kept.preview}</code>), made{" "}
            <time dateTime={kept.created_at} title={fullTime(kept.created_at)}>
              {ago(kept.created_at, Date.now())}
            </time>
            . If it is lost, make another one.
          </>
        )}
      </p>
      <Button
        classNames={{ root: styles.make, label: styles.makeLabel }}
        variant={kept ? "default" : "filled"}
        leftSection={<Glyph name="key" />}
        loading={made.isPending}
        disabled={!mayMake}
        onClick={make}
      >
        Make {kept ? "another key" : "a key"} for {place?.project.name ?? "this project"}
      </Button>
      {place && !mayMake && <p className={styles.lead}>As a viewer you may only read; ask an owner for a key.</p>}
      {made.error && <p className={styles.fault}>{made.error.message}</p>}
    </>
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
      {language === "python" && (
        <div className={styles.install}>
          <Code text={PIP} label="the command that installs it" />
        </div>
      )}
      <Code text={make(location.origin, keyText)} label={`the ${language} example`} />
    </>
  );
}

function Waiting({ state, isFirst }: { state: Listening; isFirst: boolean }) {
  const words: Record<Listening, string> = {
    connecting: "Connecting to the server …",
    live: isFirst ? "Waiting for your first evaluation …" : "Waiting for the next evaluation …",
    waiting: "The connection broke; trying again …",
  };
  return (
    <p className={styles.waiting} data-state={state}>
      <span className={styles.pulse} aria-hidden="true" />
      {words[state]}
    </p>
  );
}

function Arrived({ evaluation, isNew }: { evaluation: Evaluation; isNew: boolean }) {
  const search = useSearch({ from: "/signed-in" });
  return (
    <div className={styles.arrived}>
      <p className={styles.facts}>
        {isNew ? <Badge tone="accent">It arrived</Badge> : <Badge tone="neutral">The newest so far</Badge>}
        <Verdict hallucinated={evaluation.hallucinated} />
        <span className="num">
          hallucination probability {score(evaluation.hallucination_probability)} · {seconds(evaluation.latency_sec)}
        </span>
        <time dateTime={evaluation.created_at} title={fullTime(evaluation.created_at)}>
          {ago(evaluation.created_at, Date.now())}
        </time>
      </p>
      <p className={styles.prompt} dir="auto">
        {shownOf(evaluation.prompt)}
      </p>
      <p className={styles.response} dir="auto">
        {shownOf(evaluation.response)}
      </p>
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
