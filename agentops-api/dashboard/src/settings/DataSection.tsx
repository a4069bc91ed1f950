import { Button, NumberInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, type Schemas, told } from "../api/client";
import { usePlace } from "../shell/Projects";
import { Failed } from "../ui/Failure";
import { exactCount } from "../ui/numbers";
import { Panel, Skeleton } from "../ui/Page";
import { fullTime } from "../ui/time";
import { faultOf } from "./days";
import { Export } from "./Export";
import styles from "./settings.module.css";

export function DataSection() {
  const id = usePlace()?.project.id;
  const { data, error, refetch } = useQuery({
    queryKey: ["retention", id],
    queryFn: () => told(api.GET("/api/v1/projects/{id}/retention", { params: { path: { id: id ?? "" } } })),
    enabled: id !== undefined,
  });
  return (
    <>
      <Panel title="Retention" note="what is older is deleted once a day; leave empty to keep it for ever">
        {error && <Failed error={error} retry={() => void refetch()} />}
        {!error && (!data || !id) && <Skeleton height={220} />}
        {data && id && <Retention key={id} id={id} kept={data} />}
      </Panel>
      <div id="export">
        <Export />
      </div>
    </>
  );
}

type Days = { raw_days: number | null; rollup_days: number | null };

function Retention({ id, kept }: { id: string; kept: Schemas["Retention"] }) {
  const role = usePlace()?.organization.role;
  const mayChange = role === "owner" || role === "admin";
  const [days, setDays] = useState<Days>({ raw_days: kept.raw_days ?? null, rollup_days: kept.rollup_days ?? null });
  const client = useQueryClient();
  const params = { path: { id } };
  const forecast = useMutation({
    mutationFn: () => told(api.POST("/api/v1/projects/{id}/retention/dry-run", { params, body: days })),
  });
  const save = useMutation({
    mutationFn: () => told(api.PATCH("/api/v1/projects/{id}/retention", { params, body: days })),
    onSuccess: () => {
      forecast.reset();
      return client.invalidateQueries({ queryKey: ["retention", id] });
    },
  });
  const change = (changes: Partial<Days>) => {
    setDays({ ...days, ...changes });
    forecast.reset();
    save.reset();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    forecast.mutate();
  };
  const error = forecast.error ?? save.error;
  const isFaulty = faultOf(days.raw_days) !== null || faultOf(days.rollup_days) !== null;
  return (
    <form className={`${styles.form} ${styles.wide}`} onSubmit={submit}>
      <div className={styles.pair}>
        <DaysInput
          label="Keep evaluations"
          value={days.raw_days}
          onChange={(raw_days) => change({ raw_days })}
          disabled={!mayChange}
        />
        <DaysInput
          label="Keep statistics"
          value={days.rollup_days}
          onChange={(rollup_days) => change({ rollup_days })}
          disabled={!mayChange}
        />
      </div>
      {error && (
        <p className={styles.fault} role="alert">
          {error.message}
        </p>
      )}
      {forecast.data && <Forecast forecast={forecast.data} />}
      {!mayChange && <p className={styles.lead}>Only owners and admins change this.</p>}
      <div className={styles.buttons}>
        <Button type="submit" variant="default" disabled={!mayChange || isFaulty} loading={forecast.isPending}>
          What would go?
        </Button>
        <Button disabled={!forecast.data} loading={save.isPending} onClick={() => save.mutate()}>
          Save
        </Button>
      </div>
      {save.isSuccess && <p role="status">Saved.</p>}
    </form>
  );
}

type DaysInputProps = {
  label: string;
  value: number | null;
  onChange: (days: number | null) => void;
  disabled: boolean;
};

function DaysInput({ label, value, onChange, disabled }: DaysInputProps) {
  return (
    <NumberInput
      label={label}
      placeholder="For ever"
      suffix=" days"
      // What is typed stays, and is told what is wrong with it.
      clampBehavior="none"
      allowDecimal={false}
      error={faultOf(value)}
      hideControls
      disabled={disabled}
      value={value ?? ""}
      onChange={(days) => onChange(days === "" ? null : Number(days))}
    />
  );
}

/** What the dry run said. */
function Forecast({ forecast }: { forecast: Schemas["Forecast"] }) {
  const { evaluations, evaluations_before, rollups, rollups_before } = forecast;
  const isNothing = evaluations === 0 && rollups === 0;
  return (
    <div className={`${styles.forecast} ${isNothing ? styles.nothingGoes : ""}`} role="status">
      <p>
        <strong className="num">{exactCount(evaluations)}</strong> evaluations would go
        {evaluations_before && `: those before ${fullTime(evaluations_before)}`}.
      </p>
      <p>
        <strong className="num">{exactCount(rollups)}</strong> rows of statistics would go
        {rollups_before && `: those of days before ${fullTime(rollups_before)}`}.
      </p>
    </div>
  );
}
