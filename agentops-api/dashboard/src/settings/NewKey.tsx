import { Button, Checkbox, Modal, Select, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, type Schemas, told } from "../api/client";
import { DAY } from "../filters";
import { Code } from "../ui/Copy";
import styles from "./settings.module.css";

type Scope = NonNullable<Schemas["NewKey"]["scopes"]>[number];
const SCOPES: { value: Scope; label: string }[] = [
  { value: "ingest", label: "Send evaluations" },
  { value: "read", label: "Read evaluations and statistics" },
  { value: "write", label: "Delete evaluations" },
];
const EXPIRIES = [
  { value: "", label: "Never" },
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In a year" },
];

/** Makes a key, and shows it this once. */
export function NewKey({ projectId, close }: { projectId: string; close: () => void }) {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<string[]>(["ingest"]);
  const [days, setDays] = useState("");
  const client = useQueryClient();
  const made = useMutation({
    mutationFn: () => {
      const expires_at = days ? new Date(Date.now() + Number(days) * DAY).toISOString() : null;
      const body = { name, scopes: scopes as Scope[], expires_at, project_id: projectId };
      return told(api.POST("/auth/api-keys", { body }));
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ["keys"] }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    made.mutate();
  };
  return (
    <Modal
      opened
      onClose={close}
      title={made.data ? "Your new key" : "New key"}
      // Once it is on its way, only who says so has seen the key.
      closeOnClickOutside={made.isIdle || made.isError}
      closeOnEscape={made.isIdle || made.isError}
      withCloseButton={made.isIdle || made.isError}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {made.data ? (
        <div className={styles.form}>
          <p className={styles.lead}>This is the only time that it is shown. Copy it now.</p>
          <Code text={made.data.key} label="the key" />
          <Button onClick={close}>I have it</Button>
        </div>
      ) : (
        <form className={styles.form} onSubmit={submit}>
          <TextInput
            label="Name"
            placeholder="Where it is used"
            required
            withAsterisk={false}
            maxLength={200}
            data-autofocus
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Checkbox.Group label="It may" value={scopes} onChange={setScopes}>
            <div className={styles.scopes}>
              {/* The list of keys, and the API, know them by the words in brackets. */}
              {SCOPES.map(({ value, label }) => (
                <Checkbox key={value} value={value} label={`${label} (${value})`} />
              ))}
            </div>
          </Checkbox.Group>
          <Select
            label="Expires"
            data={EXPIRIES}
            allowDeselect={false}
            value={days}
            onChange={(value) => setDays(value ?? "")}
          />
          {made.error && <p className={styles.fault}>{made.error.message}</p>}
          <Button type="submit" loading={made.isPending} disabled={scopes.length === 0}>
            Make the key
          </Button>
        </form>
      )}
    </Modal>
  );
}
