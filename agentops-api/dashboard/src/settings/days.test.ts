import { expect, test } from "vitest";
import { faultOf } from "./days";

test("what can be kept so long is, and all else is said", () => {
  for (const days of [null, 1, 30, 36_500]) expect(faultOf(days)).toBeNull();
  for (const days of [0, -5, 1.5, 36_501, Number.NaN]) expect(faultOf(days)).toContain("From 1 to 36,500");
});
