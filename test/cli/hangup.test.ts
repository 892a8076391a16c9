import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runProcess, startServe } from "./spawned.js";

it("SIGHUP without TLS and without a terminal, as from `systemctl reload`, leaves the server as it is", async () => {
  const data = mkdtempSync(join(tmpdir(), "signet-hangup-"));
  const { server, url } = await startServe(data);
  server.child.kill("SIGHUP");
  const asked = await runProcess(["health", "--url", url], {});
  expect(asked, server.err + asked.err).toMatchObject({ exitCode: 0 });
  expect(await server.stop()).toBe(0);
  rmSync(data, { recursive: true });
});
