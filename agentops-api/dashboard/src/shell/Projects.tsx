import { Menu, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Schemas } from "../api/client";
import { marked } from "../evaluations/marked";
import { meQuery } from "../queries";
import { Glyph } from "../ui/icons";
import styles from "./shell.module.css";

export type Place = { organization: Schemas["Organization"]; project: Schemas["Project"] };

/** The project that the screens are about, and what the person is in it. */
export function usePlace(): Place | undefined {
  const { project } = useSearch({ from: "/signed-in" });
  const places = placesOf(useQuery(meQuery).data);
  return places.find((each) => (project ? each.project.id === project : each.project.is_default));
}

function placesOf(me: Schemas["Me"] | undefined): Place[] {
  return (me?.organizations ?? []).flatMap((organization) =>
    organization.projects.map((project) => ({ organization, project })),
  );
}

export function Projects() {
  const places = placesOf(useQuery(meQuery).data);
  const place = usePlace();
  const navigate = useNavigate();
  const choose = (chosen: Place) => {
    // Evaluations of two projects are not laid beside each other.
    marked.set(null);
    const isDefault = chosen === places.find((each) => each.project.is_default);
    void navigate({ to: "/", search: isDefault ? {} : { project: chosen.project.id } });
  };
  const name = (
    <span className={styles.projectText}>
      <span className={styles.projectName}>{place?.project.name ?? "No project"}</span>
      <span className={styles.projectOrganization}>{place?.organization.name}</span>
    </span>
  );
  // There is nothing to choose.
  if (places.length < 2) return <div className={styles.project}>{name}</div>;
  return (
    <Menu width="target" position="bottom-start">
      <Menu.Target>
        <UnstyledButton className={styles.project}>
          {name}
          <span className={styles.chevron}>
            <Glyph name="down" size={12} />
          </span>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        {places.map((each) => (
          <Menu.Item key={each.project.id} onClick={() => choose(each)}>
            {each.organization.name} / {each.project.name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
