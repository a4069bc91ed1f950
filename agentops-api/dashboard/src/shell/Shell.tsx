import { ActionIcon, Drawer } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { useEffect } from "react";
import { inProject, searchOf } from "../filters";
import { Glyph, type IconName } from "../ui/icons";
import { Later } from "../ui/Later";
import { Account } from "./Account";
import { Projects } from "./Projects";
import styles from "./shell.module.css";

const SCREENS: { to: string; icon: IconName; label: string; exact?: boolean }[] = [
  { to: "/", icon: "overview", label: "Overview", exact: true },
  { to: "/evaluations", icon: "evaluations", label: "Evaluations" },
  { to: "/sessions", icon: "sessions", label: "Sessions" },
  { to: "/compare", icon: "compare", label: "Compare" },
];
const REST: typeof SCREENS = [
  { to: "/connect", icon: "connect", label: "Connect an agent" },
  { to: "/settings", icon: "settings", label: "Settings" },
];

/** What stands around every screen of somebody who is signed in. */
export function Shell() {
  const [menu, { open, close }] = useDisclosure(false);
  const { pathname } = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new address is what closes the menu.
  useEffect(close, [pathname, close]);
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#content">
        To the content
      </a>
      <Rail />
      <header className={styles.top}>
        <ActionIcon size="lg" onClick={open} aria-label="Open the menu">
          <Glyph name="menu" />
        </ActionIcon>
        <Brand />
      </header>
      <Drawer
        opened={menu}
        onClose={close}
        size={260}
        title="Menu"
        classNames={{ content: styles.drawer, body: styles.drawerBody }}
      >
        <Rail />
      </Drawer>
      <main id="content" tabIndex={-1}>
        <Later>
          <Outlet />
        </Later>
      </main>
    </div>
  );
}

function Brand() {
  return (
    <Link to="/" search={inProject} className={styles.brand}>
      <img src="/app/icon.svg" alt="" width={22} height={22} />
      AgentOps
    </Link>
  );
}

function Rail() {
  return (
    <nav className={styles.rail} aria-label="Screens">
      <Brand />
      <Projects />
      <Items items={SCREENS} />
      <div className={styles.spacer} />
      <Items items={REST} />
      <Account />
    </nav>
  );
}

function Items({ items }: { items: typeof SCREENS }) {
  return (
    <div className={styles.group}>
      {items.map(({ to, icon, label, exact }) => (
        <Link
          key={to}
          to={to}
          // The project, the period and the filters go along from screen to screen.
          search={searchOf}
          activeOptions={{ exact: exact ?? false, includeSearch: false }}
          className={styles.item}
        >
          <Glyph name={icon} />
          {label}
        </Link>
      ))}
    </div>
  );
}
