import { Button, PasswordInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, told } from "../api/client";
import { meQuery } from "../queries";
import { Panel } from "../ui/Page";
import { fullTime } from "../ui/time";
import { Name } from "./Name";
import { Sessions } from "./Sessions";
import styles from "./settings.module.css";

const rename = (name: string) => told(api.PATCH("/auth/me", { body: { full_name: name || null } }));

export function AccountSection() {
  const { data: me } = useQuery(meQuery);
  return (
    <>
      <Panel title="You">
        <dl className={styles.list}>
          <div>
            <dt>Name</dt>
            <dd>{me && <Name of="yourself" name={me.user.full_name} save={rename} />}</dd>
          </div>
          <div>
            <dt>E-mail</dt>
            <dd>{me?.user.email}</dd>
          </div>
          <div>
            <dt>Member since</dt>
            <dd>{me && fullTime(me.user.created_at)}</dd>
          </div>
        </dl>
      </Panel>
      <Password />
      {/* Last: how many there are is not known before. */}
      <Sessions />
    </>
  );
}

function Password() {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const change = useMutation({
    mutationFn: () => told(api.POST("/auth/password", { body: { current_password: current, new_password: next } })),
    onSuccess: () => {
      setCurrent("");
      setNext("");
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <Panel title="Password">
      <form className={`${styles.form} ${styles.inset}`} onSubmit={submit}>
        <p className={styles.lead}>A new password ends every other session of yours, on all devices.</p>
        <PasswordInput
          label="Current password"
          autoComplete="current-password"
          required
          withAsterisk={false}
          value={current}
          onChange={(event) => setCurrent(event.currentTarget.value)}
        />
        <PasswordInput
          label="New password"
          description="8 to 128 characters"
          autoComplete="new-password"
          required
          withAsterisk={false}
          minLength={8}
          maxLength={128}
          value={next}
          onChange={(event) => setNext(event.currentTarget.value)}
        />
        {change.error && (
          <p className={styles.fault} role="alert">
            {change.error.message}
          </p>
        )}
        {change.isSuccess && <p role="status">Changed. Every other session was ended.</p>}
        <Button type="submit" loading={change.isPending}>
          Change the password
        </Button>
      </form>
    </Panel>
  );
}
