import { type ReactNode, useEffect, useRef } from "react";
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

/** A table, which may be wider than the screen and then scrolls in itself; on a phone each of its rows is a card. */
export function Wide({ label, children }: { label: string; children: ReactNode }) {
  const place = useRef<HTMLElement>(null);
  // In a card, each value has its column's name beside it. Rows may have come: this looks at them each time.
  useEffect(() => {
    const heads = [...(place.current?.querySelectorAll<HTMLElement>("thead > tr > *") ?? [])];
    const names = heads.map((head) => head.textContent.replace(/[↑↓]/g, "").trim());
    for (const row of place.current?.querySelectorAll<HTMLTableRowElement>("tbody > tr") ?? []) {
      for (const [index, cell] of [...row.cells].entries()) cell.dataset.column = names[index] ?? "";
    }
  });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section ref={place} className={styles.wide} aria-label={label} tabIndex={0}>
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
