import { Button } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, type Schemas, told } from "../api/client";
import { signOut } from "../api/session";
import { Badge } from "../ui/Badge";
import { Failed } from "../ui/Failure";
import { Panel, Skeleton } from "../ui/Page";
import { ago, fullTime } from "../ui/time";
import { deviceOf } from "./device";
import { List } from "./List";
import styles from "./settings.module.css";

const COLUMNS = ["Where", "Address", "Logged in", "Last active", "Ends, unless used"];

/** Where the person is logged in; each place can be logged out from here. */
export function Sessions() {
  const list = useInfiniteQuery({
    queryKey: ["open-sessions"],
    queryFn: ({ pageParam }) => told(api.GET("/auth/sessions", { params: { query: { cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const sessions = list.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Panel title="Where you are logged in">
      {list.isError && <Failed error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && <Skeleton height={120} />}
      {list.data && (
        <List label="Sessions" columns={COLUMNS}>
          {sessions.map((session) => (
            <Row key={session.id} session={session} />
          ))}
        </List>
      )}
      {list.hasNextPage && (
        <Button variant="subtle" size="xs" m={10} onClick={() => void list.fetchNextPage()}>
          More sessions
        </Button>
      )}
    </Panel>
  );
}

function Row({ session }: { session: Schemas["OpenSession"] }) {
  const client = useQueryClient();
  const end = useMutation({
    mutationFn: () => told(api.DELETE("/auth/sessions/{id}", { params: { path: { id: session.id } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["open-sessions"] }),
  });
  const device = deviceOf(session.user_agent);
  const now = Date.now();
  return (
    <tr>
      <th scope="row" title={session.user_agent}>
        <span className={styles.device}>
          {device}
          {session.is_current && <Badge tone="accent">This one</Badge>}
        </span>
      </th>
      <td className="num">{session.address}</td>
      <td title={fullTime(session.created_at)}>{ago(session.created_at, now)}</td>
      <td title={fullTime(session.refreshed_at)}>{ago(session.refreshed_at, now)}</td>
      <td title={fullTime(session.expires_at)}>{ago(session.expires_at, now)}</td>
      <td className={styles.act}>
        <Button
          variant="subtle"
          color="red"
          size="compact-xs"
          loading={end.isPending}
          onClick={() => (session.is_current ? void signOut() : end.mutate())}
          aria-label={`Log out ${device}, ${session.address}`}
        >
          {end.isError ? "Try again" : "Log out"}
        </Button>
      </td>
    </tr>
  );
}
