import type { Evaluation } from "../api/client";

const VERIFICATIONS: Record<NonNullable<Evaluation["status"]>, string> = {
  verified: "by the documents",
  unverified: "nothing to compare with",
  degraded: "by a weaker check",
};

/** What an answer was checked by. A self-check has no documents: it compares with what the model says elsewhere. */
export function verification(status: NonNullable<Evaluation["status"]>, mode: string | null | undefined): string {
  return status === "verified" && mode === "self-check" ? "by the model's other answers" : VERIFICATIONS[status];
}
