import { Button } from "@mantine/core";
import { useQueryErrorResetBoundary } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { Problem } from "../api/client";
import { Glyph } from "./icons";
import styles from "./ui.module.css";

type Props = { error: unknown; retry?: () => void };

/** What went wrong, in the server's words, and a way on. */
export function Failed({ error, retry }: Props) {
  const { message, requestId } = describe(error);
  return (
    <div className={styles.empty} role="alert">
      <span className={styles.badIcon}>
        <Glyph name="warning" size={22} />
      </span>
      <h2>This could not be shown</h2>
      <p>{message}</p>
      {requestId && <code className={styles.requestId}>Request {requestId}</code>}
      {retry && (
        <Button variant="default" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** The same for a whole screen. */
export function Failure({ error }: { error: unknown }) {
  const router = useRouter();
  const { reset } = useQueryErrorResetBoundary();
  const retry = () => {
    reset();
    void router.invalidate();
  };
  return <Failed error={error} retry={retry} />;
}

function describe(error: unknown): { message: string; requestId: string | null } {
  if (error instanceof Problem) return { message: error.message, requestId: error.requestId };
  const message = error instanceof Error ? error.message : "Something unexpected happened.";
  return { message, requestId: null };
}
