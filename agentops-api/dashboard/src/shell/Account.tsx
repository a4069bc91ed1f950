import { Menu, UnstyledButton, useMantineColorScheme } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { signOut } from "../api/session";
import { meQuery } from "../queries";
import { Glyph } from "../ui/icons";
import styles from "./shell.module.css";

/** Who is signed in, which theme they like, and the way out. */
export function Account() {
  const { data: me } = useQuery(meQuery);
  // Without transitions would be a style element, which the content security policy refuses.
  const { setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const out = useMutation({ mutationFn: signOut, networkMode: "always" });
  const name = me?.user.full_name ?? me?.user.email ?? "Account";
  return (
    <Menu position="top-start" width={210}>
      <Menu.Target>
        <UnstyledButton className={styles.item}>
          <Glyph name="person" />
          <span className={styles.projectName}>{name}</span>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{me?.user.email}</Menu.Label>
        <Menu.Item
          leftSection={<Glyph name="person" />}
          renderRoot={(props) => <Link to="/settings" search={(now) => ({ ...now, section: "account" })} {...props} />}
        >
          Account
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<Glyph name="moon" />} onClick={() => setColorScheme("dark")}>
          Dark
        </Menu.Item>
        <Menu.Item leftSection={<Glyph name="sun" />} onClick={() => setColorScheme("light")}>
          Light
        </Menu.Item>
        <Menu.Item leftSection={<Glyph name="reset" />} onClick={() => setColorScheme("auto")}>
          As the system
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<Glyph name="signOut" />} closeMenuOnClick={false} onClick={() => out.mutate()}>
          {out.isError ? "The server did not answer: log out again" : "Log out"}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
