import { Link } from "@tanstack/react-router";
import { api, told } from "../api/client";
import { inProject } from "../filters";
import { type Place, usePlace } from "../shell/Projects";
import { CopyIcon } from "../ui/Copy";
import { Panel } from "../ui/Page";
import { Name } from "./Name";
import styles from "./settings.module.css";

export function ProjectSection() {
  const place = usePlace();
  return (
    <Panel title="Project">
      <dl className={styles.list}>
        <div>
          <dt>Name</dt>
          <dd>{place && <ProjectName key={place.project.id} place={place} />}</dd>
        </div>
        <Fact label="Organization" value={place?.organization.name} />
        <Fact label="You are" value={place?.organization.role} />
        <div>
          <dt>Id</dt>
          <dd className={styles.id}>
            <code>{place?.project.id}</code>
            {place && <CopyIcon text={place.project.id} label="Copy the project's id" />}
          </dd>
        </div>
        <div>
          <dt>Agents</dt>
          <dd>
            <Link to="/connect" search={inProject}>
              Connect another one
            </Link>
          </dd>
        </div>
      </dl>
    </Panel>
  );
}

function ProjectName({ place: { project, organization } }: { place: Place }) {
  const save = (name: string) =>
    told(api.PATCH("/api/v1/projects/{id}", { params: { path: { id: project.id } }, body: { name } }));
  const mayEdit = organization.role === "owner" || organization.role === "admin";
  return <Name of="the project" name={project.name} required mayEdit={mayEdit} save={save} />;
}

function Fact({ label, value }: { label: string; value: string | undefined }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{value ?? "–"}</dd>
    </div>
  );
}
