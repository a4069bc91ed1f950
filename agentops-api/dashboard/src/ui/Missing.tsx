import { Loader } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Empty } from "./Page";
import styles from "./ui.module.css";

export function Missing() {
  return (
    <Empty title="There is no such page" action={<Link to="/">To the overview</Link>}>
      The address may be misspelt, or what it named may be gone.
    </Empty>
  );
}

export function Waiting() {
  return (
    <div className={styles.empty} aria-busy="true">
      <Loader size="sm" color="var(--accent)" />
    </div>
  );
}
