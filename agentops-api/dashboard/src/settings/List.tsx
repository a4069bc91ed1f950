import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useRef, useState } from "react";
import { Confirm } from "../ui/Confirm";
import { Wide } from "../ui/Page";
import styles from "./settings.module.css";

/** Rows with these columns, and one more at the end for what can be done with each. */
export function List({ label, columns, children }: { label: string; columns: string[]; children: ReactNode }) {
  return (
    <Wide label={label}>
      <table className={styles.table}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
            <td />
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </Wide>
  );
}

type EndingProps = {
  action: string;
  /** What is ended. */
  name: string;
  question: string;
  run: () => Promise<unknown>;
  /** The list that shows it no more. */
  list: string;
  children: ReactNode;
};

/** What cannot be undone: a button that asks first. */
export function Ending({ action, name, question, run, list, children }: EndingProps) {
  const [isAsking, setAsking] = useState(false);
  const client = useQueryClient();
  const opener = useRef<HTMLButtonElement>(null);
  const end = useMutation({
    mutationFn: run,
    onSuccess: async () => {
      const rows = opener.current?.closest("section");
      setAsking(false);
      await client.invalidateQueries({ queryKey: [list] });
      // The button went with what it ended; whoever works by keyboard goes on in the list.
      rows?.focus();
    },
  });
  return (
    <>
      <Button
        ref={opener}
        variant="subtle"
        color="red"
        size="compact-xs"
        onClick={() => setAsking(true)}
        aria-label={`${action} ${name}`}
      >
        {action}
      </Button>
      <Confirm
        opened={isAsking}
        title={question}
        action={action}
        isPending={end.isPending}
        error={end.error}
        confirm={() => end.mutate()}
        cancel={() => setAsking(false)}
      >
        {children}
      </Confirm>
    </>
  );
}
