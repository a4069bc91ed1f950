import { SegmentedControl, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { api, type Schemas, told } from "../api/client";
import { Chips } from "../filterbar/Chips";
import { NameFilter } from "../filterbar/NameFilter";
import { Nothing } from "../filterbar/Nothing";
import { PeriodButton } from "../filterbar/PeriodForm";
import { PeriodPicker } from "../filterbar/PeriodPicker";
import { type Period, periodOf, type Search } from "../filters";
import { breakdownQuery, keptIn } from "../queries";
import { Failed } from "../ui/Failure";
import { Empty, Page, Panel, Skeleton } from "../ui/Page";
import { spanOf, ZONE } from "../ui/time";
import { Changes } from "./Changes";
import styles from "./compare.module.css";
import {
  baseOf,
  type CompareSearch,
  compareSearchOf,
  KINDS,
  type Kind,
  nameOfOwn,
  OWN,
  overlap,
  ownOf,
  paramsOf,
  shiftsFor,
} from "./sides";

export function Screen() {
  const search = useSearch({ from: "/signed-in" });
  const sides = compareSearchOf(useSearch({ from: "/signed-in/compare" }) as Record<string, unknown>);
  const by = sides.by ?? "period";
  const tools = (
    <>
      {by !== "agent" && <NameFilter by="agent" />}
      {by !== "model" && <NameFilter by="model" />}
      <PeriodPicker />
    </>
  );
  return (
    <Page title="Compare" tools={tools}>
      <Chips names={["mode"]} />
      <Sides search={search} sides={sides} by={by} />
      <Result search={search} sides={sides} />
    </Page>
  );
}

function Sides({ search, sides, by }: { search: Search; sides: CompareSearch; by: Kind }) {
  const navigate = useNavigate();
  const change = (changes: CompareSearch) =>
    void navigate({ to: ".", search: (now) => ({ ...now, ...changes }), resetScroll: false });
  return (
    <div className={styles.sides}>
      <SegmentedControl
        size="xs"
        aria-label="What to compare"
        data={KINDS.map((kind) => ({ value: kind, label: `${kind[0]?.toUpperCase()}${kind.slice(1)}s` }))}
        value={by}
        onChange={(kind) => change({ by: kind as Kind, base: undefined, candidate: undefined })}
      />
      {by === "period" ? (
        <Periods period={periodOf(search, Date.now())} base={sides.base} choose={(base) => change({ base })} />
      ) : (
        <>
          <NameChoice by={by} label="Base" search={search} value={sides.base} onChange={(base) => change({ base })} />
          <span>with</span>
          <NameChoice
            by={by}
            label="Candidate"
            search={search}
            value={sides.candidate}
            onChange={(candidate) => change({ candidate })}
          />
        </>
      )}
    </div>
  );
}

type PeriodsProps = { period: Period; base: string | undefined; choose: (base: string | undefined) => void };

function Periods({ period, base, choose }: PeriodsProps) {
  const shifts = shiftsFor(period);
  const own = ownOf(base);
  const before = baseOf(period, base);
  const value = own ? OWN.value : (shifts.find((shift) => shift.value === base)?.value ?? shifts[0]?.value);
  return (
    <>
      <span>The chosen period with the one</span>
      <Select
        size="xs"
        w={150}
        aria-label="The other period"
        allowDeselect={false}
        data={shifts}
        value={value ?? null}
        onChange={(chosen) => choose(chosen === OWN.value ? nameOfOwn(before) : (chosen ?? undefined))}
      />
      {own && <PeriodButton period={own} isChosen label={OWN.label} choose={(chosen) => choose(nameOfOwn(chosen))} />}
      {overlap(before, period) && (
        <span className={styles.overlap} role="status">
          The periods overlap: what lies in both is on both sides.
        </span>
      )}
    </>
  );
}

type NameChoiceProps = {
  by: "agent" | "model";
  label: string;
  search: Search;
  value: string | undefined;
  onChange: (name: string | undefined) => void;
};

/** The agents or models among which to choose: of all that the other filters let through. */
function namesQuery(by: "agent" | "model", { project, mode }: Search, period: Period) {
  return breakdownQuery(by, period, { project, mode });
}

function NameChoice({ by, label, search, value, onChange }: NameChoiceProps) {
  const { data } = useQuery(namesQuery(by, search, periodOf(search, Date.now())));
  return (
    <Select
      size="xs"
      w={190}
      aria-label={label}
      placeholder={label}
      searchable
      data={(data?.rows ?? []).flatMap((row) => row.key[0] ?? [])}
      value={value ?? null}
      onChange={(name) => onChange(name ?? undefined)}
    />
  );
}

function Result({ search, sides }: { search: Search; sides: CompareSearch }) {
  const params = paramsOf(search, sides, Date.now());
  const query = { ...params, time_zone: ZONE };
  const { data, error, refetch } = useQuery({
    queryKey: ["compare", search.project, query],
    queryFn: () => told(api.GET("/api/v1/analytics/compare", { params: { query } })),
    enabled: params !== null,
    placeholderData: keptIn(search.project),
  });
  if (params === null) return <Unchosen search={search} by={sides.by === "agent" ? "agent" : "model"} />;
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton height={420} />;
  if (data.base.figures.count + data.candidate.figures.count === 0) return <Nothing search={search} />;
  return (
    <Changes comparison={data} baseName={nameOf(data.base, sides)} candidateName={nameOf(data.candidate, sides)} />
  );
}

function Unchosen({ search, by }: { search: Search; by: "agent" | "model" }) {
  const { data } = useQuery(namesQuery(by, search, periodOf(search, Date.now())));
  if (data?.rows.length === 0) return <Nothing search={search} />;
  return (
    <Panel>
      <Empty title="Choose two to compare">Each figure gets a verdict: whether it really differs, or by chance.</Empty>
    </Panel>
  );
}

function nameOf(side: Schemas["Side"], sides: CompareSearch): string {
  if (sides.by === "model" && side.model_name) return side.model_name;
  if (sides.by === "agent" && side.agent_name) return side.agent_name;
  return spanOf(side.window, new Date());
}
