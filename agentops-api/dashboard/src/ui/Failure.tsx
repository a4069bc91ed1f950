import { Button } from "@mantine/core";
import { useQueryErrorResetBoundary } from "@tanstack/react-query";
import { Link, useRouter } from "@tanstack/react-router";
import { type ReactNode, useEffect, useState } from "react";
import { Problem } from "../api/client";
import { canReload, isOfOldBuild, reload, Unloaded } from "../code";
import { Glyph } from "./icons";
import { Waiting } from "./Missing";
import styles from "./ui.module.css";

type Props = { error: unknown; retry?: () => void; other?: ReactNode };

/** What went wrong, in the server's words, and a way on. */
export function Failed({ error, retry, other }: Props) {
  const { message, requestId } = describe(error);
  // What is not there, or was not understood, will not be a moment later.
  const isFinal = error instanceof Problem && error.isFinal;
  return (
    <div className={styles.empty} role="alert">
      <span className={styles.badIcon}>
        <Glyph name="warning" size={22} />
      </span>
      <h2>This could not be shown</h2>
      <p>{message}</p>
      {requestId && <code className={styles.requestId}>Request {requestId}</code>}
      {retry && !isFinal && (
        <Button variant="default" onClick={retry}>
          Try again
        </Button>
      )}
      {other}
    </div>
  );
}

/** The same for a whole screen. The way to the overview leaves behind what the address said. */
export function Failure({ error }: { error: unknown }) {
  const router = useRouter();
  const { reset } = useQueryErrorResetBoundary();
  const [isOld] = useState(() => isOfOldBuild(error));
  useEffect(() => {
    if (isOld) reload();
  }, [isOld]);
  const retry = async () => {
    if (error instanceof Unloaded) {
      if (await canReload()) location.reload();
      return;
    }
    reset();
    void router.invalidate();
  };
  if (isOld) return <Waiting />;
  return <Failed error={error} retry={() => void retry()} other={<Link to="/">To the overview</Link>} />;
}

function describe(error: unknown): { message: string; requestId: string | null } {
  if (error instanceof Problem) return { message: error.message, requestId: error.requestId };
  const detail = error instanceof Error ? ` (${error.message})` : "";
  return { message: `The dashboard failed at this${detail}. Try again, or reload the page.`, requestId: null };
}
