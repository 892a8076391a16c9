import { expect, it } from "vitest";
import { createLogger } from "../../src/server/logger.js";

it("a log line has nothing of a request that a terminal obeys or that hides, and is the JSON that it was", () => {
  const lines: string[] = [];
  const log = createLogger("info", { write: (line) => void lines.push(line) });
  // A path of HTTP/2 needs no token and may have any byte above 0x7f.
  const path = "/\u009b31m\u202e\u2028\u200b\ud800{\u{e0041}\n";
  log.info({ path }, "request");
  log.info({ path: "/plain é" }, "request");
  expect(lines[0]).toMatch(/^[\x20-\x7e]+\n$/);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ path, msg: "request" });
  expect(lines[1]).toContain("/plain é");
});
