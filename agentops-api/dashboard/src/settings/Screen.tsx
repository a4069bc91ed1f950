import { SegmentedControl } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Page } from "../ui/Page";
import { AccountSection } from "./AccountSection";
import { DataSection } from "./DataSection";
import { Keys } from "./Keys";
import { ProjectSection } from "./ProjectSection";
import styles from "./settings.module.css";

const SECTIONS = [
  { value: "keys", label: "Keys", Section: Keys },
  { value: "project", label: "Project", Section: ProjectSection },
  { value: "data", label: "Data", Section: DataSection },
  { value: "account", label: "Account", Section: AccountSection },
];

export function Screen() {
  const { section } = useSearch({ strict: false }) as { section?: string };
  const navigate = useNavigate();
  const chosen = SECTIONS.find((each) => each.value === section) ?? SECTIONS[0];
  if (!chosen) return null;
  return (
    <Page title="Settings">
      <SegmentedControl
        className={styles.sections}
        size="xs"
        aria-label="Section"
        data={SECTIONS.map(({ value, label }) => ({ value, label }))}
        value={chosen.value}
        onChange={(value) => void navigate({ to: ".", search: (now) => ({ ...now, section: value }) })}
      />
      <div className={styles.body}>
        <chosen.Section />
      </div>
    </Page>
  );
}
