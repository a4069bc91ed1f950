import { expect, test } from "vitest";
import { deviceOf } from "./device";

test("browsers are told apart although each names the others", () => {
  const webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
  expect(deviceOf(`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/156.0.0.0 Safari/537.36`)).toBe(
    "Chrome on Windows",
  );
  expect(deviceOf(`Mozilla/5.0 (Windows NT 10.0) ${webkit} Chrome/156.0.0.0 Safari/537.36 Edg/156.0`)).toBe(
    "Edge on Windows",
  );
  expect(deviceOf("Mozilla/5.0 (X11; Linux x86_64; rv:152.0) Gecko/20100101 Firefox/152.0")).toBe("Firefox on Linux");
  expect(deviceOf("Mozilla/5.0 (iPhone; CPU iPhone OS 20_0 like Mac OS X) Version/20.0 Safari/604.1")).toBe(
    "Safari on iPhone",
  );
});

test("a program is called by its own name", () => {
  expect(deviceOf("curl/8.9.1")).toBe("curl");
  expect(deviceOf("python-httpx2/2.3")).toBe("python-httpx2");
  expect(deviceOf("")).toBe("A program that gave no name");
});
