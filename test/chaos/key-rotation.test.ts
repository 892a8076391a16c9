import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSignetClient, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { parsePublicKey } from "../../src/bundle/keys.js";
import { verifyDocument } from "../../src/bundle/verify-bundle.js";
import { ADMIN_TOKEN } from "../support/server.js";
import { findProject } from "./find-project.js";
import { startServerProcess } from "./server-process.js";
import { createRandom } from "./work.js";

const KILLS = Number(process.env["SIGNET_TEST_KILLS"] ?? 6);

describe(`kill -9 during a rotation of the signing key, ${KILLS} times`, () => {
  let directory = "";
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "signet-rotation-"));
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it("leaves one current key, every version verified by a listed key, and what was acknowledged in force", async () => {
    const random = createRandom(7);
    let acknowledged: string | null = null;
    let versions = 0;
    for (let round = 0; round <= KILLS; round += 1) {
      const server = await startServerProcess(directory);
      using connection = openNodeTransport({ url: server.url, timeoutMs: 30_000 });
      const client = createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN });
      const dev = { ...(await findProject(client)), envName: "dev" };
      const current = await checkKeys(client, dev, versions);
      if (acknowledged !== null) expect([acknowledged, ...lastTried]).toContain(current);
      await client.bundles.publishBundle({ ...dev, policies: `{"round":${round}}` });
      versions += 1;
      if (round === KILLS) {
        expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null });
        break;
      }
      const rotating = rotate(client, (keyId) => (acknowledged = keyId));
      await delayed(random(25), () => server.end("SIGKILL"));
      await rotating;
    }
  }, 300_000);

  /** Keys whose activation was sent and not answered. */
  const lastTried: string[] = [];

  /** Announces and activates one key after the other until the server is gone. */
  async function rotate(client: SignetClient, onActivated: (keyId: string) => void): Promise<void> {
    lastTried.length = 0;
    try {
      for (;;) {
        const { next } = await client.keys.getKeyRotation({});
        const keyId = (next ?? (await client.keys.rotateKey({})).next)?.keyId ?? "";
        lastTried.push(keyId);
        await client.keys.activateKey({ keyId, force: true });
        onActivated(keyId);
        lastTried.length = 0;
      }
    } catch {
      // Killed.
    }
  }
});

async function checkKeys(
  client: SignetClient,
  dev: { readonly orgId: string; readonly projectId: string; readonly envName: string },
  versions: number,
): Promise<string> {
  const keys = (await client.bundles.listKeys({})).keys.filter(({ purpose }) => purpose === "bundles");
  const current = keys.filter(({ state }) => state === "current");
  expect(current).toHaveLength(1);
  expect(keys.filter(({ state }) => state === "next").length).toBeLessThan(2);
  const trusted = keys.map(({ publicKeyPem }) => parsePublicKey(publicKeyPem));
  for (let version = 1; version <= versions; version += 1) {
    const { document } = await client.bundles.getBundleDocument({ ...dev, version });
    await verifyDocument(document, trusted, {});
  }
  expect(await client.audit.verifyAudit({ orgId: dev.orgId })).toMatchObject({ valid: true });
  return current[0]?.keyId ?? "";
}

/** Runs `work` after so many turns of the event loop: another moment of the rotation each time. */
async function delayed(turns: number, work: () => Promise<unknown>): Promise<void> {
  for (let turn = 0; turn < turns * 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  await work();
}
