import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSignetClient, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { runSignet } from "../cli/in-process.js";
import { ADMIN_TOKEN, startTestServer } from "../support/server.js";
import { findProject } from "./find-project.js";
import { startServerProcess } from "./server-process.js";
import type { Where } from "./work.js";

const KILLS = Number(process.env["SIGNET_TEST_KILLS"] ?? 8);
/** Each round imports at most this many before the server dies. */
const A_ROUND = 4;
const VERSIONS = A_ROUND * KILLS;

describe("kill -9 during an import", () => {
  let directory = "";
  const file = (name: string) => join(directory, name);
  /** The documents at the other site, in order. */
  const documents: string[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "signet-import-"));
    await using there = await startTestServer();
    const target = { orgId: there.orgId, projectId: there.projectId, envName: "prod" };
    for (let version = 1; version <= VERSIONS; version += 1) {
      await there.admin.bundles.publishBundle({ ...target, policies: JSON.stringify({ version }) });
      documents.push((await there.admin.bundles.getBundleDocument({ ...target, version })).document);
    }
    const { keys } = await there.admin.bundles.listKeys({});
    const publicKeyPems = keys.filter(({ purpose }) => purpose === "bundles").map((key) => key.publicKeyPem);
    const environment = { SIGNET_URL: there.url, SIGNET_TOKEN: ADMIN_TOKEN };
    const argv = ["export", "--env", "prod", "--all", "-o", file("all.tar")];
    expect(await runSignet(argv, { environment })).toMatchObject({ exitCode: 0 });
    const server = await startServerProcess(file("data"));
    using connection = openNodeTransport({ url: server.url, timeoutMs: 30_000 });
    const client = createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN });
    const { orgId } = await findProject(client);
    await client.transfers.createTrustedOrigin({ orgId, name: "there", publicKeyPems });
    await server.end("SIGTERM");
  }, 120_000);

  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  /** The versions that are there are whole, and the first of the file in its order. Returns how many. */
  async function checkWhole(client: SignetClient, where: Where): Promise<number> {
    const target = { ...where, envName: "prod" };
    const { bundles } = await client.bundles.listBundles(target);
    expect(bundles.map(({ version }) => version)).toEqual(bundles.map((_, index) => bundles.length - index));
    for (const { version } of bundles) {
      const { document, origin } = await client.transfers.getBundleOrigin({ ...target, version });
      expect({ document, version: origin?.version }).toEqual({ document: documents[version - 1], version });
    }
    const { events } = await client.audit.listAuditEvents({ orgId: where.orgId, action: "bundle.imported" });
    expect(events).toHaveLength(bundles.length);
    expect(await client.audit.verifyAudit({ orgId: where.orgId })).toMatchObject({ valid: true });
    return bundles.length;
  }

  it(`${KILLS} times: whole versions, and the same file carries on`, async () => {
    let before = 0;
    for (let round = 0; round <= KILLS; round += 1) {
      const server = await startServerProcess(file("data"));
      using connection = openNodeTransport({ url: server.url, timeoutMs: 30_000 });
      const client = createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN });
      const where = await findProject(client);
      const there = await checkWhole(client, where);
      expect(there).toBeGreaterThanOrEqual(before);
      before = there;
      // While this version is on its way, in the middle of whatever the server does then.
      const isLast = round === KILLS;
      const fatal = `importing version ${there + 1 + (round % A_ROUND)} of ${VERSIONS}`;
      const { exitCode, out } = await runSignet(["import", file("all.tar"), "--env", "prod"], {
        environment: { SIGNET_URL: server.url, SIGNET_TOKEN: ADMIN_TOKEN },
        isErrTerminal: true,
        onErr: (text) => void (!isLast && text.includes(fatal) && setImmediate(() => server.child.kill("SIGKILL"))),
      });
      if (!isLast) {
        expect(exitCode).not.toBe(0);
        expect(await server.ended).toMatchObject({ signal: "SIGKILL" });
        continue;
      }
      expect(exitCode).toBe(0);
      expect(out.match(/imported before/g) ?? []).toHaveLength(there);
      expect(await checkWhole(client, where)).toBe(VERSIONS);
      expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null });
    }
  }, 300_000);
});
