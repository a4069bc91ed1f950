import { Link, useSearch } from "@tanstack/react-router";
import { Glyph, type IconName } from "../ui/icons";
import { Page } from "../ui/Page";
import { AccountSection } from "./AccountSection";
import { DataSection } from "./DataSection";
import { Keys } from "./Keys";
import { ProjectSection } from "./ProjectSection";
import styles from "./settings.module.css";

type Section = { value: string; label: string; icon: IconName; Section: () => React.ReactNode };

const SECTIONS: Section[] = [
  { value: "keys", label: "API keys", icon: "key", Section: Keys },
  { value: "project", label: "Project", icon: "project", Section: ProjectSection },
  { value: "data", label: "Retention and export", icon: "data", Section: DataSection },
  { value: "account", label: "Account", icon: "person", Section: AccountSection },
];

export function Screen() {
  const { section } = useSearch({ strict: false }) as { section?: string };
  const chosen = SECTIONS.find((each) => each.value === section) ?? SECTIONS[0];
  if (!chosen) return null;
  return (
    <Page title="Settings">
      <div className={styles.columns}>
        <nav className={styles.sections} aria-label="Settings">
          {SECTIONS.map(({ value, label, icon }) => (
            <Link
              key={value}
              to="."
              search={(now) => ({ ...now, section: value })}
              className={styles.section}
              aria-current={value === chosen.value ? "page" : undefined}
              activeProps={{}}
            >
              <Glyph name={icon} />
              {label}
            </Link>
          ))}
        </nav>
        <div className={styles.body}>
          <chosen.Section />
        </div>
      </div>
    </Page>
  );
}
