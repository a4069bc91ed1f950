import { expect, test } from "vitest";
import { verification } from "./verification";

test("a self-check is not taken for a comparison with documents", () => {
  expect(verification("verified", "self-check")).toBe("by the model's other answers");
  expect(verification("verified", "retrieved-doc entailment")).toBe("by the documents");
  expect(verification("verified", null)).toBe("by the documents");
  expect(verification("unverified", "self-check")).toBe("nothing to compare with");
  expect(verification("degraded", "self-check")).toBe("by a weaker check");
});
