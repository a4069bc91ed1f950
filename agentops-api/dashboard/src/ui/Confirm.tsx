import { Button, Modal } from "@mantine/core";
import type { ReactNode } from "react";
import styles from "./ui.module.css";

type Props = {
  opened: boolean;
  title: string;
  action: string;
  isPending: boolean;
  error: Error | null;
  confirm: () => void;
  cancel: () => void;
  children: ReactNode;
};

/** Asks before something that cannot be undone. */
export function Confirm({ opened, title, action, isPending, error, confirm, cancel, children }: Props) {
  return (
    <Modal opened={opened} onClose={cancel} title={title} size="sm" closeButtonProps={{ "aria-label": "Close" }}>
      <p className={styles.ask}>{children}</p>
      {error && (
        <p className={styles.fault} role="alert">
          {error.message}
        </p>
      )}
      <div className={styles.actions}>
        <Button variant="default" onClick={cancel} data-autofocus>
          Keep it
        </Button>
        <Button className={styles.danger} loading={isPending} onClick={confirm}>
          {action}
        </Button>
      </div>
    </Modal>
  );
}
