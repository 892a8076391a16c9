import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer } from "../../support/server.js";

const SCRIPT = fileURLToPath(new URL("../../../examples/trust/two-authors.sh", import.meta.url));
/** Forty commands, each a process, on a machine that is busy with other tests. */
const SCRIPT_MS = 420_000;

it("examples/trust/two-authors.sh runs from the first root to a rollback", { timeout: SCRIPT_MS }, async () => {
  await using server = await startTestServer();
  const { admin, orgId, projectId } = server;
  const env = { ...process.env, SIGNET_URL: server.url, SIGNET_TOKEN: ADMIN_TOKEN, NODE_OPTIONS: "" };
  const { stdout } = await promisify(execFile)("bash", [SCRIPT], { env, timeout: SCRIPT_MS }).catch(
    (failure: { stdout: string; stderr: string }) => {
      throw new Error(`${failure.stdout}\n${failure.stderr}`);
    },
  );
  expect(stdout).toContain("# What holds now:");
  const { root, environments } = await admin.trust.getTrust({ orgId, projectId });
  expect(root).toMatchObject({ version: 3, rollback: "release" });
  expect(environments.map(({ environment, sequence, problem }) => [environment, sequence, problem])).toEqual([
    ["dev", 1, undefined],
    ["staging", 1, undefined],
    ["prod", 5, undefined],
  ]);
  const { data } = await admin.trust.listReleases({ orgId, projectId });
  expect(data.map(({ number }) => number)).toEqual([3, 2, 1]);
});
