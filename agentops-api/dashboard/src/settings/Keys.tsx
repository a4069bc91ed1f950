import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Schemas, told } from "../api/client";
import { usePlace } from "../shell/Projects";
import { Badge } from "../ui/Badge";
import { Failed } from "../ui/Failure";
import { Glyph } from "../ui/icons";
import { Empty, Panel, Skeleton } from "../ui/Page";
import { ago, dateOf, fullTime } from "../ui/time";
import { Ending, List } from "./List";
import { NewKey } from "./NewKey";
import styles from "./settings.module.css";

type Key = Schemas["Key"];
const COLUMNS = ["Name", "Key", "Scopes", "Made", "Expires", "Last used"];

/** The project's keys: made once, shown once. */
export function Keys() {
  const place = usePlace();
  const project_id = place?.project.id;
  const [isMaking, setMaking] = useState(false);
  const list = useInfiniteQuery({
    queryKey: ["keys", project_id],
    queryFn: ({ pageParam }) =>
      told(api.GET("/auth/api-keys", { params: { query: { project_id, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    enabled: project_id !== undefined,
  });
  const keys = list.data?.pages.flatMap((page) => page.data) ?? [];
  const mayMake = place !== undefined && place.organization.role !== "viewer";
  return (
    <Panel
      title="API keys"
      note={place?.project.name}
      aside={
        <Button
          className={styles.aside}
          size="xs"
          leftSection={<Glyph name="plus" />}
          disabled={!mayMake}
          onClick={() => setMaking(true)}
        >
          New key
        </Button>
      }
    >
      {list.isError && <Failed error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && <Skeleton height={160} />}
      {list.data && keys.length === 0 && <Empty title="No keys yet">An agent needs one to send evaluations.</Empty>}
      {keys.length > 0 && (
        <List label="Keys" columns={COLUMNS}>
          {keys.map((key) => (
            <Row key={key.id} apiKey={key} mayRevoke={mayMake} />
          ))}
        </List>
      )}
      {list.hasNextPage && (
        <Button variant="subtle" size="xs" m={10} onClick={() => void list.fetchNextPage()}>
          More keys
        </Button>
      )}
      {place && isMaking && <NewKey projectId={place.project.id} close={() => setMaking(false)} />}
    </Panel>
  );
}

function Row({ apiKey, mayRevoke }: { apiKey: Key; mayRevoke: boolean }) {
  return (
    <tr data-inactive={!apiKey.is_active || undefined}>
      <th scope="row">{apiKey.name}</th>
      <td>
        <code>{apiKey.preview}</code>
      </td>
      <td>{apiKey.scopes.join(", ")}</td>
      <td title={fullTime(apiKey.created_at)}>{dateOf(apiKey.created_at, new Date())}</td>
      <td title={apiKey.expires_at ? fullTime(apiKey.expires_at) : undefined}>
        {apiKey.expires_at ? dateOf(apiKey.expires_at, new Date()) : "never"}
      </td>
      <td title={apiKey.last_used_at ? fullTime(apiKey.last_used_at) : undefined}>
        {apiKey.last_used_at ? ago(apiKey.last_used_at, Date.now()) : "never"}
      </td>
      <td className={styles.act}>
        {apiKey.is_active ? mayRevoke && <Revoke apiKey={apiKey} /> : <Badge tone="neutral">Ended</Badge>}
      </td>
    </tr>
  );
}

function Revoke({ apiKey: { id, name, preview } }: { apiKey: Key }) {
  return (
    <Ending
      action="Revoke"
      name={name}
      question="Revoke this key?"
      run={() => told(api.DELETE("/auth/api-keys/{id}", { params: { path: { id } } }))}
      list="keys"
    >
      Whatever uses “{name}” ({preview}) is refused within five seconds. It cannot be undone.
    </Ending>
  );
}
