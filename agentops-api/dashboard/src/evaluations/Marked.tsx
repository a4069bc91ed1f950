import { UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import styles from "./evaluations.module.css";
import { marked, useMarked } from "./marked";
import { evaluationQuery } from "./queries";
import { nameOf } from "./text";

/** Reminds of the evaluation that another one is to be laid beside. */
export function Marked() {
  const id = useMarked();
  const { project } = useSearch({ from: "/signed-in" });
  const { data } = useQuery({ ...evaluationQuery(id ?? "", project), enabled: id !== null });
  if (id === null) return null;
  return (
    <p className={styles.marked} role="status">
      <span>
        Open the one to compare with <q dir="auto">{data ? nameOf(data.prompt, 80) : "…"}</q>
      </span>
      <UnstyledButton className={styles.further} onClick={() => marked.set(null)}>
        Cancel
      </UnstyledButton>
    </p>
  );
}
