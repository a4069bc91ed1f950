import { ActionIcon, Button, TextInput, Tooltip } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Problem } from "../api/client";
import { meQuery } from "../queries";
import { Glyph } from "../ui/icons";
import { NOTHING } from "../ui/numbers";
import styles from "./settings.module.css";

const CHARS_MAX = 200;

type Props = {
  /** Of what this is the name, as in "Rename the project". */
  of: string;
  name: string | null | undefined;
  required?: boolean;
  mayEdit?: boolean;
  save: (name: string) => Promise<unknown>;
};

/** A name, which whoever may can change where it stands: Enter saves, Escape leaves it as it was. */
export function Name({ of, name, required = false, mayEdit = true, save }: Props) {
  const [isEditing, setEditing] = useState(false);
  const [wasEditing, setWasEditing] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    // Whoever came by keyboard goes on from where they were.
    if (!isEditing && wasEditing) opener.current?.focus();
  }, [isEditing, wasEditing]);
  const close = () => {
    setEditing(false);
    setWasEditing(true);
  };
  if (isEditing) return <Field {...{ of, required, save, close }} name={name ?? ""} />;
  return (
    <span className={styles.name}>
      {name ?? NOTHING}
      {mayEdit && (
        <Tooltip label={`Rename ${of}`}>
          <ActionIcon ref={opener} aria-label={`Rename ${of}`} onClick={() => setEditing(true)}>
            <Glyph name="pencil" />
          </ActionIcon>
        </Tooltip>
      )}
    </span>
  );
}

type FieldProps = { of: string; name: string; required: boolean; save: Props["save"]; close: () => void };

function Field({ of, name, required, save, close }: FieldProps) {
  const [text, setText] = useState(name);
  const client = useQueryClient();
  const run = useMutation({
    mutationFn: () => save(text.trim()),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: meQuery.queryKey });
      close();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() === name) close();
    else run.mutate();
  };
  return (
    <form className={styles.renaming} onSubmit={submit} onKeyDown={(event) => event.key === "Escape" && close()}>
      <TextInput
        size="xs"
        aria-label={`New name of ${of}`}
        maxLength={CHARS_MAX}
        required={required}
        autoFocus
        onFocus={(event) => event.currentTarget.select()}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        error={run.error && faultOf(run.error)}
        errorProps={{ role: "alert" }}
      />
      <Button type="submit" size="xs" loading={run.isPending} disabled={required && !text.trim()}>
        Save
      </Button>
      <Button size="xs" variant="default" onClick={close}>
        Cancel
      </Button>
    </form>
  );
}

function faultOf(error: Error): string {
  const [field] = error instanceof Problem ? error.fields : [];
  return field?.message ?? error.message;
}
