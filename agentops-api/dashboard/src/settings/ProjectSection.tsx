import { Link } from "@tanstack/react-router";
import { usePlace } from "../shell/Projects";
import { CopyIcon } from "../ui/Copy";
import { Panel } from "../ui/Page";
import styles from "./settings.module.css";

export function ProjectSection() {
  const place = usePlace();
  return (
    <Panel title="Project">
      <dl className={styles.list}>
        <Fact label="Name" value={place?.project.name} />
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
            <Link to="/connect">Connect another one</Link>
          </dd>
        </div>
      </dl>
    </Panel>
  );
}

function Fact({ label, value }: { label: string; value: string | undefined }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{value ?? "–"}</dd>
    </div>
  );
}
