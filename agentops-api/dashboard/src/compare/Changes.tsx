import type { Change, Schemas } from "../api/client";
import { Badge, type Tone } from "../ui/Badge";
import { difference, NOTHING } from "../ui/numbers";
import { Panel, Wide } from "../ui/Page";
import styles from "./compare.module.css";
import { Rates } from "./Rates";
import { ordered, reasonsOf, shownOf } from "./reasons";

type Comparison = Schemas["Comparison"];
type Verdict = { tone: Tone; label: string; text: string };

const VERDICTS: Record<string, Verdict> = {
  regressed: { tone: "bad", label: "Regressed", text: "The candidate is really worse." },
  improved: { tone: "good", label: "Improved", text: "The candidate is really better." },
  mixed: { tone: "warn", label: "Mixed", text: "The candidate is worse in some figures and better in others." },
  tolerated: { tone: "warn", label: "Tolerated", text: "The candidate is worse, within the tolerance." },
  "no real change": { tone: "neutral", label: "No real change", text: "What differs may be chance." },
  "too few": { tone: "neutral", label: "Too few", text: "There are not enough evaluations to say." },
};

type Props = { comparison: Comparison; baseName: string; candidateName: string };

export function Changes({ comparison, baseName, candidateName }: Props) {
  const verdict = VERDICTS[comparison.verdict] ?? { tone: "neutral", label: comparison.verdict, text: "" };
  const reasons = reasonsOf(comparison);
  return (
    <Panel>
      <p className={styles.verdict}>
        <Badge tone={verdict.tone} dot>
          {verdict.label}
        </Badge>
        <span>
          {verdict.text} {reasons}
        </span>
      </p>
      <Rates
        sides={[
          { name: baseName, side: comparison.base },
          { name: candidateName, side: comparison.candidate },
        ]}
      />
      <Wide label="Figures">
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">Figure</th>
              <NameHead name={baseName} />
              <NameHead name={candidateName} />
              <th scope="col">Difference</th>
              <th scope="col">Verdict</th>
            </tr>
          </thead>
          <tbody>
            {ordered(comparison.changes).map((change) => (
              <Row key={change.metric} change={change} />
            ))}
          </tbody>
        </table>
      </Wide>
    </Panel>
  );
}

function NameHead({ name }: { name: string }) {
  return (
    <th scope="col" title={name}>
      <span className={styles.headName}>{name}</span>
    </th>
  );
}

function Row({ change }: { change: Change }) {
  const shown = shownOf(change.metric);
  return (
    <tr>
      <th scope="row">{shown.label}</th>
      <td className="num">{shown.format(change.base)}</td>
      <td className="num">{shown.format(change.candidate)}</td>
      <td className="num">
        {difference(change.candidate, change.base, shown.kind) ?? NOTHING}
        {change.difference_low !== null && (
          <span className={styles.interval} title="95 % interval of the difference (Newcombe 1998)">
            {difference(change.difference_low, 0, "rate")} to {difference(change.difference_high, 0, "rate")}
          </span>
        )}
      </td>
      <td title={change.test}>
        <Badge tone={toneOf(change)}>{wordsOf(change)}</Badge>
        <span className={styles.p}>{change.p_value === null ? change.reason : pOf(change.p_value)}</span>
      </td>
    </tr>
  );
}

function toneOf(change: Change): Tone {
  if (!change.significant) return "neutral";
  return change.direction === "worse" ? "bad" : change.direction === "better" ? "good" : "accent";
}

function wordsOf(change: Change): string {
  if (change.p_value === null) return "cannot tell";
  if (!change.significant) return "may be chance";
  return change.direction === "neutral" ? "really differs" : `really ${change.direction}`;
}

function pOf(value: number): string {
  return value < 0.001 ? "p < 0.001" : `p = ${value.toFixed(3)}`;
}
