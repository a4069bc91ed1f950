import { UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Schemas } from "../api/client";
import { useChange } from "../filterbar/PeriodPicker";
import type { Period, Search } from "../filters";
import { breakdownQuery } from "../queries";
import { Failed } from "../ui/Failure";
import { Interval, scaleOf } from "../ui/Interval";
import { count, mean, percent, seconds } from "../ui/numbers";
import { Empty, Panel, Skeleton, Wide } from "../ui/Page";
import styles from "./overview.module.css";

type Row = Schemas["Row"];
type Sort = "count" | "hallucination_rate" | "latency_p95" | "avg_factual_support";
const COLUMNS: { sort: Sort; label: string }[] = [
  { sort: "count", label: "Evaluations" },
  { sort: "hallucination_rate", label: "Hallucinated" },
  { sort: "latency_p95", label: "Latency p95" },
  { sort: "avg_factual_support", label: "Support" },
];
const ROWS_SHOWN = 12;

type Props = { by: "agent" | "model"; period: Period; search: Search };

/** Agents or models beside each other; choosing one filters the screen by it. */
export function GroupTable({ by, period, search }: Props) {
  const [sort, setSort] = useState<Sort>("count");
  const { data, error, refetch } = useQuery(breakdownQuery(by, period, search));
  const rows = (data?.rows ?? []).toSorted((a, b) => (b.figures[sort] ?? -1) - (a.figures[sort] ?? -1));
  const most = scaleOf(rows.map((row) => row.figures));
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? rows : rows.slice(0, ROWS_SHOWN);
  const title = by === "agent" ? "By agent" : "By model";
  if (error && !data) return <Failed error={error} retry={() => void refetch()} />;
  return (
    <Panel title={title} note={data && shown.length < data.groups ? `${shown.length} of ${data.groups}` : undefined}>
      <Wide label={by === "agent" ? "Agents" : "Models"}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{by === "agent" ? "Agent" : "Model"}</th>
              {COLUMNS.map((column) => (
                <th key={column.sort} scope="col" aria-sort={sort === column.sort ? "descending" : "none"}>
                  <UnstyledButton className={styles.sort} onClick={() => setSort(column.sort)}>
                    {column.label}
                    <span aria-hidden="true">{sort === column.sort ? " ↓" : ""}</span>
                  </UnstyledButton>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <GroupRow key={row.key[0] ?? ""} by={by} row={row} most={most} chosen={search[by] === row.key[0]} />
            ))}
          </tbody>
        </table>
        {!data && <Skeleton height={150} />}
        {data && rows.length === 0 && <Empty title="Nothing in this period" />}
      </Wide>
      {rows.length > ROWS_SHOWN && (
        <UnstyledButton className={styles.whole} onClick={() => setWhole(!isWhole)}>
          {isWhole
            ? `Show ${ROWS_SHOWN}`
            : rows.length === data?.groups
              ? `Show all ${rows.length}`
              : `Show ${rows.length}`}
        </UnstyledButton>
      )}
    </Panel>
  );
}

type RowProps = { by: "agent" | "model"; row: Row; most: number; chosen: boolean };

function GroupRow({ by, row, most, chosen }: RowProps) {
  const change = useChange();
  const name = row.key[0];
  const { figures } = row;
  return (
    <tr data-chosen={chosen || undefined}>
      <th scope="row">
        {name ? (
          <UnstyledButton
            className={styles.name}
            title={name}
            onClick={() => change({ [by]: chosen ? undefined : name })}
          >
            {name}
          </UnstyledButton>
        ) : (
          <span className={styles.nameless}>without a name</span>
        )}
        <span className={styles.share} style={{ width: `${row.share * 100}%` }} />
      </th>
      <td className="num">{count(figures.count)}</td>
      <td className="num">
        <span className={styles.rate}>
          <span className={styles.interval}>
            <Interval figures={figures} most={most} />
          </span>
          {name && figures.hallucinations > 0 ? (
            <Link
              to="/evaluations"
              search={(all) => ({ ...all, [by]: name, verdict: "hallucinated" as const })}
              className={styles.evidence}
              aria-label={`${percent(figures.hallucination_rate)}: show what ${name} hallucinated`}
            >
              {percent(figures.hallucination_rate)}
            </Link>
          ) : (
            percent(figures.hallucination_rate)
          )}
        </span>
      </td>
      <td className="num">{seconds(figures.latency_p95)}</td>
      <td className="num">{mean(figures.avg_factual_support)}</td>
    </tr>
  );
}
