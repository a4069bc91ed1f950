import { UnstyledButton } from "@mantine/core";
import { useState } from "react";
import type { Evaluation } from "../api/client";
import { Badge, type Tone } from "../ui/Badge";
import { percent } from "../ui/numbers";
import { Panel } from "../ui/Page";
import { type Claim, type Evidence, LABELS, type Label, stretchesOf } from "./claims";
import styles from "./detail.module.css";
import { Found } from "./Found";
import { CopyText, Text } from "./Text";

const TONES: Record<Label, Tone> = {
  supported: "good",
  unsupported: "warn",
  contradicted: "bad",
  not_checkable: "neutral",
};

/** Shows the evidence in its document. */
type Show = (evidence: Evidence) => void;

/** `q`: words to mark in it. */
type Props = { evaluation: Evaluation; q?: string; show?: Show };

/** The response; where its sentences were checked, each is coloured, and its evidence stands beside it. */
export function Answer({ evaluation, q, show }: Props) {
  const claims = evaluation.claims ?? [];
  const [chosen, setChosen] = useState<number | null>(null);
  if (claims.length === 0) {
    return (
      <Panel title="Response" aside={<CopyText of="response" text={evaluation.response} />}>
        <Text q={q}>{evaluation.response}</Text>
      </Panel>
    );
  }
  return (
    <Panel title="Response" note={summary(claims)} aside={<CopyText of="response" text={evaluation.response} />}>
      <div className={styles.checked}>
        <p className={styles.text} dir="auto">
          {stretchesOf(evaluation.response, claims).map((stretch, index) => {
            const claim = stretch.claim === null ? undefined : claims[stretch.claim];
            const key = `${index} ${stretch.claim}`;
            if (!claim)
              return (
                <span key={key}>
                  <Found text={stretch.text} q={q} />
                </span>
              );
            return (
              <mark
                key={key}
                className={styles.claim}
                data-tone={TONES[claim.label]}
                data-chosen={chosen === stretch.claim || undefined}
                onMouseEnter={() => setChosen(stretch.claim)}
              >
                <Found text={stretch.text} q={q} />
              </mark>
            );
          })}
        </p>
        <ol className={styles.claims} aria-label="Its sentences, with their evidence">
          {claims.map((claim, index) => (
            <ClaimItem
              key={`${claim.start} ${claim.end}`}
              claim={claim}
              isChosen={chosen === index}
              show={show}
              choose={() => setChosen(index)}
            />
          ))}
        </ol>
      </div>
    </Panel>
  );
}

type ItemProps = { claim: Claim; isChosen: boolean; choose: () => void; show: Show | undefined };

function ClaimItem({ claim, isChosen, choose, show }: ItemProps) {
  const { evidence, probability } = claim;
  return (
    <li className={styles.claimItem} data-chosen={isChosen || undefined}>
      <button type="button" className={styles.claimButton} onClick={choose} onFocus={choose} onMouseEnter={choose}>
        <span className={styles.claimHead}>
          <Badge tone={TONES[claim.label]}>{LABELS[claim.label]}</Badge>
          {probability !== null && (
            <span className="num" title="Probability that the documents do not support it">
              {percent(probability)} risk
            </span>
          )}
        </span>
        <span className={styles.claimText} dir="auto">
          {claim.text}
        </span>
      </button>
      {evidence && (
        <blockquote className={styles.evidence}>
          <p dir="auto">{evidence.text}</p>
          <cite>
            {show ? (
              <UnstyledButton className={styles.source} onClick={() => show({ ...evidence })}>
                Document {evidence.document + 1}
              </UnstyledButton>
            ) : (
              `Document ${evidence.document + 1}`
            )}
          </cite>
        </blockquote>
      )}
      {claim.reasons.length > 0 && (
        <p className={styles.reasons} dir="auto">
          {claim.reasons.join("; ")}
        </p>
      )}
    </li>
  );
}

function summary(claims: Claim[]): string {
  const supported = claims.filter((claim) => claim.label === "supported").length;
  return `${supported} of ${claims.length} sentences supported`;
}
