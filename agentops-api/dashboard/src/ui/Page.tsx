import { type ReactNode, useEffect } from "react";
import styles from "./ui.module.css";

/** A screen: its title, the tools beside it, and what it shows. */
export function Page({ title, tools, children }: { title: string; tools?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · AgentOps`;
  }, [title]);
  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <h1>{title}</h1>
        {tools && <div className={styles.tools}>{tools}</div>}
      </header>
      {children}
    </div>
  );
}

type PanelProps = { title?: string; note?: ReactNode; aside?: ReactNode; className?: string; children: ReactNode };

/** A bordered part of a screen. */
export function Panel({ title, note, aside, className = "", children }: PanelProps) {
  return (
    // A group and no landmark: two of a kind may stand beside each other.
    <div className={`${styles.panel} ${className}`} role="group" aria-label={title}>
      {title && (
        <div className={styles.panelHead}>
          <h2>{title}</h2>
          {note && <span className={styles.note}>{note}</span>}
          {aside}
        </div>
      )}
      {children}
    </div>
  );
}

/** What may be wider than the screen, and then scrolls in itself. */
export function Wide({ label, children }: { label: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section className={styles.wide} aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}

/** What stands where there is nothing: why, and what to do about it. */
export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}

/** Room for what is still on its way, of the size that it will have. */
export function Skeleton({ height, width = "100%" }: { height: number; width?: number | string }) {
  return <div className={styles.skeleton} style={{ height, width }} aria-hidden="true" />;
}
