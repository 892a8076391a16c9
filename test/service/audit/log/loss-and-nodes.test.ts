import { describe, expect, it } from "vitest";
import { nobleVerifier } from "../../../../src/bundle/ed25519-noble.js";
import { parsePublicKey } from "../../../../src/bundle/keys.js";
import { openCheckpoint } from "../../../../src/bundle/log/checkpoint.js";
import { verifyConsistency, verifyInclusion } from "../../../../src/bundle/log/merkle.js";
import { goOnAfterRestore } from "../../../../src/service/bundles/history-loss.js";
import { makeTiles } from "../../../../src/service/audit/log/tiles.js";
import { useServices, type Fixture } from "../../fixture.js";
import { addEvents, leavesOf, naiveRoot } from "./logged-events.js";

const never = new AbortController().signal;

async function checkpoint(signet: Fixture, services = signet.services) {
  const { note } = await services.auditLog.checkpoint(signet.orgId);
  return await openCheckpoint(note, [parsePublicKey(signet.data.keys.audit.publicKeyPem).bytes], nobleVerifier);
}

/** The origin without what follows the organization's id. */
const plain = ({ orgId }: Fixture) => `signet.dev/audit/${orgId}`;

describe("the log of a database that lost events", () => {
  const signet = useServices();

  it("goes on under a new origin, with what is left, when a checkpoint had more", async () => {
    await addEvents(signet, 300);
    await signet.services.auditTiles.makeDue(never);
    await addEvents(signet, 20);
    const before = await checkpoint(signet);
    await signet.tamper("delete from audit_events where id > ?", before.size - 10);
    const after = await checkpoint(signet);
    expect(before.origin).toBe(plain(signet));
    expect(after.origin).toMatch(new RegExp(`^${plain(signet)}/[0-9a-f]{16}$`));
    expect(after.size).toBe(before.size - 9);
    expect(await signet.actions()).toContain("audit.history_lost");
    // What was there before the loss still is: a checkpoint that the loss did not reach is its beginning.
    const kept = { size: before.size - 10, root: naiveRoot((await leavesOf(signet)).slice(0, before.size - 10)) };
    const { hashes } = await signet.services.auditLog.consistency(signet.orgId, kept.size);
    expect(verifyConsistency(kept, after, hashes)).toBe(true);
    expect((await checkpoint(signet)).origin).toBe(after.origin);
    await signet.reopen();
    expect(await checkpoint(signet)).toMatchObject({ origin: after.origin, size: after.size });
    expect(await signet.services.audit.verify(signet.orgId)).toMatchObject({ valid: true });
  });

  it("goes on under a new origin when other events took the numbers of those that are lost", async () => {
    await addEvents(signet, 30);
    const before = await checkpoint(signet);
    await signet.tamper("delete from audit_events where id > ?", before.size - 10);
    await addEvents(signet, 40);
    const after = await checkpoint(signet);
    expect(after.origin).not.toBe(before.origin);
    expect(after.size).toBe(before.size + 31);
    expect((await signet.actions()).at(-1)).toBe("audit.history_lost");
  });

  it("has the new origin still when the event of the loss is in a tile", async () => {
    await addEvents(signet, 30);
    const before = await checkpoint(signet);
    await signet.tamper("delete from audit_events where id > ?", before.size - 10);
    const { origin } = await checkpoint(signet);
    await addEvents(signet, 600);
    await signet.services.auditTiles.sweep(never);
    await signet.reopen();
    expect(await checkpoint(signet)).toMatchObject({ origin });
    await addEvents(signet, 300);
    await signet.services.auditTiles.sweep(never);
    await signet.reopen();
    expect(await checkpoint(signet)).toMatchObject({ origin });
  });

  it("goes on under a new origin after a restore, another one each time", async () => {
    const before = await checkpoint(signet);
    const restored = { backedUpAt: "2026-05-01T12:00:00.000Z", step: 10, webhooksOff: false };
    const deps = { store: signet.store, clock: signet.clock, audit: signet.services.audit };
    const origins = [before.origin];
    for (let n = 0; n < 2; n += 1) {
      await goOnAfterRestore(deps, restored);
      origins.push((await checkpoint(signet)).origin);
    }
    expect(new Set(origins).size).toBe(3);
    const { hashes } = await signet.services.auditLog.consistency(signet.orgId, before.size);
    expect(verifyConsistency(before, await checkpoint(signet), hashes)).toBe(true);
  });

  it("takes no origin from an event that a caller could write", async () => {
    await signet.store.write(async (tx) => {
      const metadata = { log_id: "0123456789abcdef" };
      await signet.services.audit.record(tx, signet.orgId, "system", {
        ...{ action: "test.added", resourceType: "test", resourceId: "x", metadata },
      });
    });
    expect((await checkpoint(signet)).origin).toBe(plain(signet));
  });
});

describe("tiles", () => {
  const signet = useServices();

  it("are made on by the next start when a stop ends their making", async () => {
    await addEvents(signet, 1_100);
    const stopping = new AbortController();
    let tiles = 0;
    const progress = () => {
      tiles += 1;
      if (tiles === 2) stopping.abort();
    };

    await makeTiles(signet.store, signet.orgId, progress, stopping.signal);
    expect(await signet.count("audit_tiles")).toBe(2);
    await signet.reopen();
    const leaves = await leavesOf(signet);
    const root = naiveRoot(leaves);
    expect((await checkpoint(signet)).root).toEqual(root);
    // Complete tiles that nobody made yet, beside those that are made.
    for (const [older, size] of [
      [1, 1_030],
      [511, 1_025],
      [700, 1_024],
      [1_024, 1_101],
    ] as const) {
      const head = { size, root: naiveRoot(leaves.slice(0, size)) };
      const { hashes } = await signet.services.auditLog.consistency(signet.orgId, older, size);
      const before = { size: older, root: naiveRoot(leaves.slice(0, older)) };
      expect(verifyConsistency(before, head, hashes)).toBe(true);
      const proof = await signet.services.auditLog.inclusion(signet.orgId, { eventId: older }, size);
      expect(verifyInclusion(older - 1, size, proof.leafHash, proof.hashes, head.root)).toBe(true);
    }
    await signet.services.auditTiles.sweep(never);
    expect(signet.services.auditTiles.isSwept).toBe(true);
    expect(await signet.count("audit_tiles")).toBe(4);
    expect((await checkpoint(signet)).root).toEqual(root);
    await addEvents(signet, 1);
    expect((await checkpoint(signet)).root).toEqual(naiveRoot(await leavesOf(signet)));
    expect(await signet.services.audit.verify(signet.orgId)).toMatchObject({ valid: true });
  });

  it("take over a long chain in the background of the first request, which says how far it is", async () => {
    await addEvents(signet, 4_700);
    await expect(checkpoint(signet)).rejects.toMatchObject({
      ...{ code: "unavailable", retryAfterSeconds: 2 },
      message: expect.stringMatching(/: 0 of 47\d\d events$/) as string,
    });
    await expect.poll(() => checkpoint(signet).catch(() => null), { timeout: 20_000 }).not.toBeNull();
    expect((await checkpoint(signet)).root).toEqual(naiveRoot(await leavesOf(signet)));
  });

  it("are the same when two nodes make them while others write", async () => {
    await addEvents(signet, 900);
    const second = signet.compose(signet.store);
    const [first] = [signet.services];
    await Promise.all([
      first.auditTiles.sweep(never),
      second.auditTiles.sweep(never),
      addEvents(signet, 700),
      checkpoint(signet),
      checkpoint(signet, second),
    ]);
    await first.auditTiles.makeDue(never);
    await second.auditTiles.makeDue(never);
    const leaves = await leavesOf(signet);
    expect(await signet.count("audit_tiles")).toBe(Math.floor(leaves.length / 256));
    const heads = [await checkpoint(signet), await checkpoint(signet, second)];
    for (const { size, root } of heads) {
      expect(size).toBe(leaves.length);
      expect(root).toEqual(naiveRoot(leaves));
    }
    expect(await signet.services.audit.verify(signet.orgId)).toMatchObject({ valid: true });
  });

  it("are not made where the events do not follow each other, and that is told once", async () => {
    await addEvents(signet, 600);
    await signet.tamper("update audit_events set prev_signature = 'x' where id = 300");
    const { auditTiles } = signet.services;
    await expect(auditTiles.sweep(never)).rejects.toMatchObject({ code: "data_loss" });
    await auditTiles.sweep(never);
    expect(await signet.count("audit_tiles")).toBe(1);
    await expect(checkpoint(signet)).rejects.toMatchObject({ code: "data_loss" });
  });
});
