import { generateKeyPairSync } from "node:crypto";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { auditEventHash, auditEventMessage } from "../../../src/bundle/audit-chain.js";
import { decodeBase64, encodeBase64 } from "../../../src/bundle/base64.js";
import { createNobleSigner, nobleVerifier } from "../../../src/bundle/ed25519-noble.js";
import { parsePublicKey } from "../../../src/bundle/keys.js";
import { activationOf, leafData } from "../../../src/bundle/log/leaf.js";
import { leafHash } from "../../../src/bundle/log/merkle.js";
import { TreeBuilder } from "../../../src/bundle/log/tree-builder.js";
import {
  checkChain,
  signedForm,
  type ChainCheck,
  type ChainEvent,
} from "../../../src/console/screens/audit/chain-check.js";

const ORG = "f9e642da-08ba-40c3-86c6-d1e7408d4424";
const signer = createNobleSigner(
  generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string,
);
const key = parsePublicKey(signer.publicKeyPem);
const PAGE = 7;

async function chainOf(count: number): Promise<ChainEvent[]> {
  const events: ChainEvent[] = [];
  for (let id = 1; id <= count; id += 1) {
    const unsigned = {
      ...{ id, actor: "signet_admin_x", action: "bundle.activated", resourceType: "bundle", resourceId: "b" },
      metadata: JSON.stringify({ sequence: id, activation_sha256: "ab".repeat(32) }),
      prevSignature: events.at(-1)?.signature ?? "",
      createdAt: timestampFromDate(new Date(1_700_000_000_000 + id)),
      keyId: signer.keyId,
    };
    const signature = await signer.sign(auditEventMessage(signedForm(ORG, { ...unsigned, signature: "" })));
    events.push({ ...unsigned, signature: encodeBase64(signature) });
  }
  return events;
}

function headOf(events: readonly ChainEvent[]) {
  const tree = new TreeBuilder();
  for (const event of events) {
    const form = signedForm(ORG, event);
    const hash = auditEventHash(form, decodeBase64(event.signature) ?? new Uint8Array());
    tree.add(leafHash(leafData(hash, activationOf(form.metadata))));
  }
  return { size: tree.size, root: tree.root() };
}

async function check(events: readonly ChainEvent[], more: Partial<ChainCheck> = {}, signal?: AbortSignal) {
  let [clock, pauses] = [0, 0];
  const report = await checkChain(
    {
      ...{ orgId: ORG, keys: new Map([[key.keyId, key]]), verifier: nobleVerifier, newest: 20, checkpoint: null },
      read: async (after) => events.filter(({ id }) => id > after).slice(0, PAGE),
      onProgress: () => undefined,
      pause: async () => void (pauses += 1),
      now: () => (clock += 5),
      ...more,
    },
    signal ?? new AbortController().signal,
  );
  return { ...report, pauses };
}

describe("a chain that is checked in the browser", async () => {
  const good = await chainOf(20);
  const changed = (id: number, change: Partial<ChainEvent>) =>
    good.map((event) => (event.id === id ? { ...event, ...change } : event));

  it("holds, and is the log of its checkpoint, checked in slices", async () => {
    const report = await check(good, { checkpoint: headOf(good) });
    expect(report).toMatchObject({ checked: 20, broken: null, isLogOfCheckpoint: true });
    expect(report.pauses).toBeGreaterThan(0);
    // Events that came after the checkpoint are checked too.
    expect(await check(good, { checkpoint: headOf(good.slice(0, 9)) })).toMatchObject({
      ...{ checked: 20, broken: null, isLogOfCheckpoint: true },
    });
  });

  it.each<[string, readonly ChainEvent[], number, RegExp]>([
    ["changed text", changed(5, { action: "bundle.published" }), 5, /signature does not verify/],
    ["changed metadata", changed(11, { metadata: '{"sequence":12}' }), 11, /signature does not verify/],
    ["metadata that is no JSON", changed(3, { metadata: "{" }), 3, /metadata is not JSON/],
    ["another key", changed(8, { keyId: "0123456789abcdef" }), 8, /its key 0123456789abcdef/],
    ["another link", changed(9, { prevSignature: good[3]?.signature ?? "" }), 9, /event before it/],
    ["one taken out", good.filter(({ id }) => id !== 14), 14, /event 14 is missing/],
    ["the first one taken out", good.slice(1), 1, /event 1 is missing/],
    ["the end cut off", good.slice(0, 17), 18, /event 18 is missing/],
    ["two changed places", [...good.slice(0, 4), good[5], good[4]].flatMap((it) => it ?? []), 5, /event 5 is missing/],
  ])("is broken by %s", async (_, events, id, reason) => {
    const { broken } = await check(events);
    expect(broken?.id).toBe(id);
    expect(broken?.reason).toMatch(reason);
  });

  it("another history with good signatures is not the log of the checkpoint", async () => {
    const report = await check(good, { checkpoint: { size: 20, root: new Uint8Array(32) } });
    expect(report).toMatchObject({ broken: null, isLogOfCheckpoint: false });
  });

  it("stops when it is told to, and reads on no more", async () => {
    const controller = new AbortController();
    let reads = 0;
    const read: ChainCheck["read"] = async (after) => {
      reads += 1;
      if (after > 0) controller.abort();
      return good.filter(({ id }) => id > after).slice(0, PAGE);
    };
    await expect(check(good, { read }, controller.signal)).rejects.toMatchObject({ name: "AbortError" });
    expect(reads).toBe(2);
  });
});
