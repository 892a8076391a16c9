import { bytesToHex } from "@noble/hashes/utils.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nobleVerifier } from "../../../../src/bundle/ed25519-noble.js";
import { parsePublicKey } from "../../../../src/bundle/keys.js";
import { openCheckpoint } from "../../../../src/bundle/log/checkpoint.js";
import { EMPTY_ROOT, verifyConsistency, verifyInclusion } from "../../../../src/bundle/log/merkle.js";
import { parseTlogProof, verifyActivationProof, verifyTlogProof } from "../../../../src/bundle/log/tlog-proof.js";
import { leafData } from "../../../../src/bundle/log/leaf.js";
import { useServices, type Fixture } from "../../fixture.js";
import { addEvents, leavesOf, naiveRoot } from "./logged-events.js";

const auditKey = (signet: Fixture) => parsePublicKey(signet.data.keys.audit.publicKeyPem).bytes;
const opened = async (signet: Fixture, note: string) => await openCheckpoint(note, [auditKey(signet)], nobleVerifier);
const never = new AbortController().signal;

describe("the audit as a log", () => {
  const signet = useServices();

  it("has a checkpoint of every size that is the tree of RFC 6962, and begins with each one before", async () => {
    const { auditLog } = signet.services;
    const heads = [];
    const first = (await signet.store.read.auditHead(signet.orgId))?.id ?? 0;
    for (let size = first; size <= 300; size += 1) {
      const { note, consistency } = await auditLog.checkpoint(signet.orgId, heads.at(-1)?.size ?? 0);
      const head = await opened(signet, note);
      expect(head.size).toBe(size);
      const before = heads.at(-1) ?? { size: 0, root: EMPTY_ROOT };
      expect(verifyConsistency(before, head, consistency)).toBe(true);
      heads.push(head);
      if (size < 300) await addEvents(signet, 1);
    }
    const leaves = await leavesOf(signet);
    for (const { size, root } of heads) expect(bytesToHex(root)).toBe(bytesToHex(naiveRoot(leaves.slice(0, size))));
    const last = heads.at(-1) ?? { size: 0, root: EMPTY_ROOT };
    for (const isTiled of [false, true]) {
      if (isTiled) await signet.services.auditTiles.makeDue(never);
      expect(await signet.count("audit_tiles")).toBe(isTiled ? 1 : 0);
      for (const head of heads) {
        const { hashes } = await auditLog.consistency(signet.orgId, head.size);
        expect(verifyConsistency(head, last, hashes), `${head.size}`).toBe(true);
      }
    }
    await signet.reopen();
    expect((await opened(signet, (await signet.services.auditLog.checkpoint(signet.orgId)).note)).root).toEqual(
      last.root,
    );
  });

  it("proves each event at each size, whatever is in tiles", async () => {
    await addEvents(signet, 1_300);
    await signet.services.auditTiles.sweep(never);
    await addEvents(signet, 200);
    const leaves = await leavesOf(signet);
    expect(await signet.count("audit_tiles")).toBe(5);
    expect(await signet.count("audit_nodes")).toBe(5 + 2 + 1);
    const { auditLog } = signet.services;
    const pair = fc.tuple(fc.nat(leaves.length - 1), fc.nat(leaves.length - 1), fc.nat(leaves.length - 1));
    await fc.assert(
      fc.asyncProperty(pair, async (numbers) => {
        const [older = 0, index = 0, newest = 0] = numbers.toSorted((a, b) => a - b);
        const size = newest + 1;
        const root = naiveRoot(leaves.slice(0, size));
        const proof = await auditLog.inclusion(signet.orgId, { eventId: index + 1 }, size);
        expect(verifyInclusion(index, size, leaves[index] ?? EMPTY_ROOT, proof.hashes, root)).toBe(true);
        const { hashes } = await auditLog.consistency(signet.orgId, older, size);
        const before = { size: older, root: naiveRoot(leaves.slice(0, older)) };
        expect(verifyConsistency(before, { size, root }, hashes)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("refuses sizes and events that it does not have", async () => {
    const { auditLog } = signet.services;
    const { size } = await auditLog.checkpoint(signet.orgId);
    const shorter = { code: "conflict", reason: "log_shorter" };
    await expect(auditLog.checkpoint(signet.orgId, size + 1)).rejects.toMatchObject(shorter);
    await expect(auditLog.consistency(signet.orgId, 0, size + 1)).rejects.toMatchObject(shorter);
    await expect(auditLog.inclusion(signet.orgId, { eventId: 1 }, size + 1)).rejects.toMatchObject(shorter);
    await expect(auditLog.consistency(signet.orgId, 1, 0)).rejects.toMatchObject({ code: "invalid" });
    for (const eventId of [0, size + 1]) {
      await expect(auditLog.inclusion(signet.orgId, { eventId })).rejects.toMatchObject({ code: "not_found" });
    }
    await expect(auditLog.inclusion(signet.orgId, { eventId: size }, size - 1)).rejects.toMatchObject({
      code: "not_found",
    });
    await expect(auditLog.inclusion(signet.orgId, { activation: "00" })).rejects.toMatchObject({ code: "not_found" });
  });

  it("gives each organization a log of its own", async () => {
    const { auditLog } = signet.services;
    const foreign = await signet.foreigner();
    const [own, theirs] = [await auditLog.checkpoint(signet.orgId), await auditLog.checkpoint(foreign.orgId)];
    expect(own.origin).toBe(`signet.dev/audit/${signet.orgId}`);
    expect(theirs.origin).toBe(`signet.dev/audit/${foreign.orgId}`);
    expect(theirs.size).toBe(1);
    expect(theirs.note.split("\n").at(-2)).toMatch(new RegExp(`^— ${theirs.origin} [A-Za-z0-9+/]+=*$`));
    await expect(opened(signet, own.note.replaceAll(own.origin, theirs.origin))).rejects.toThrow("no trusted key");
  });

  it("proves an activation offline, by its payload's digest", async () => {
    const { audit, auditLog } = signet.services;
    const activation = "ab".repeat(32);
    await signet.store.write(async (tx) => {
      const metadata = { activation_sha256: activation };
      await audit.record(tx, signet.orgId, "system", {
        ...{ action: "bundle.activated", resourceType: "bundle", resourceId: "b", metadata },
      });
    });
    const eventId = (await signet.store.read.auditHead(signet.orgId))?.id ?? 0;
    const text = (await auditLog.proofOf(signet.orgId, activation)) ?? "";
    const keys = [auditKey(signet)];
    expect(await verifyActivationProof(text, activation, keys, nobleVerifier)).toMatchObject({ size: eventId });
    await expect(verifyActivationProof(text, "cd".repeat(32), keys, nobleVerifier)).rejects.toThrow("not number");
    expect(await auditLog.proofOf(signet.orgId, "cd".repeat(32))).toBeNull();

    await addEvents(signet, 600);
    expect(await auditLog.proofOf(signet.orgId, activation)).toBe(text);
    await signet.services.auditTiles.sweep(never);
    expect(await signet.count("audit_activations")).toBe(1);
    await signet.reopen();
    const again = (await signet.services.auditLog.proofOf(signet.orgId, activation)) ?? "";
    expect(parseTlogProof(again)).toMatchObject({ index: eventId - 1 });
    expect((await verifyActivationProof(again, activation, keys, nobleVerifier)).size).toBe(eventId + 600);

    const { proof, eventHash } = await signet.services.auditLog.signedInclusion(signet.orgId, { eventId: 1 });
    await verifyTlogProof(parseTlogProof(proof), leafData(eventHash, null), keys, nobleVerifier);
  });

  it("signs nothing over an event that no trusted key signed", async () => {
    await addEvents(signet, 3);
    const head = (await signet.store.read.auditHead(signet.orgId))?.id ?? 0;
    await signet.tamper("update audit_events set resource_id = 'other' where id = ?", head);
    await expect(signet.services.auditLog.checkpoint(signet.orgId)).rejects.toMatchObject({ code: "data_loss" });
  });

  it("finds where events and log differ, and where the log itself is damaged", async () => {
    await addEvents(signet, 600);
    await signet.services.auditTiles.sweep(never);
    const { audit, auditLog } = signet.services;
    expect(await audit.verify(signet.orgId)).toMatchObject({ valid: true });
    const leaves = (await signet.tamper("select hashes from audit_tiles where number = 0"))[0]?.["hashes"];
    const damaged = `${String(leaves).slice(0, 44)}AAAA${String(leaves).slice(48)}`;
    await signet.tamper("update audit_tiles set hashes = ? where number = 0", damaged);
    expect(await audit.verify(signet.orgId)).toMatchObject({ valid: false, firstBroken: 1 });
    await expect(auditLog.inclusion(signet.orgId, { eventId: 2 })).rejects.toMatchObject({ code: "data_loss" });
    await signet.tamper("update audit_tiles set hashes = ? where number = 0", String(leaves));
    expect(await audit.verify(signet.orgId)).toMatchObject({ valid: true });
    const swap = (value: string) => signet.tamper("update audit_nodes set hash = ? where level = 9", value);
    const [node] = await signet.tamper("select hash from audit_nodes where level = 9");
    await swap("A".repeat(43) + "=");
    expect(await audit.verify(signet.orgId)).toMatchObject({
      ...{ valid: false, firstBroken: 257, reason: "the log is damaged at level 9 of tile 1" },
    });
    await swap(String(node?.["hash"]));
    await signet.tamper("delete from audit_tiles where number = 0");
    expect(await audit.verify(signet.orgId)).toMatchObject({ valid: false, firstBroken: 1 });
  });
});
