import { type FormEvent, type ReactNode, useEffect } from "react";
import styles from "./auth.module.css";

type Props = { title: string; lead: string; onSubmit: () => void; other: ReactNode; children: ReactNode };

/** The frame of the two screens before signing in. */
export function Card({ title, lead, onSubmit, other, children }: Props) {
  useEffect(() => {
    document.title = `${title} · AgentOps`;
  }, [title]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <main className={styles.page}>
      <form className={styles.card} onSubmit={submit}>
        <div className={styles.brand}>
          <img src="/app/icon.svg" alt="" width={36} height={36} />
          <div>
            <h1>{title}</h1>
            <p>{lead}</p>
          </div>
        </div>
        {children}
        <p className={styles.other}>{other}</p>
      </form>
    </main>
  );
}

export function Notice({ tone, children }: { tone: "bad" | "warn"; children: ReactNode }) {
  return (
    <div className={styles.notice} data-tone={tone} role={tone === "bad" ? "alert" : "status"}>
      {children}
    </div>
  );
}
