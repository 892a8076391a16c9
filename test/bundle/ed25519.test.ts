import { Point } from "@noble/ed25519";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { auditEventMessage, auditHeadMessage } from "../../src/bundle/audit-chain.js";
import { signatureMessage, signatureV2Message } from "../../src/bundle/document.js";
import { createNobleSigner, nobleVerifier } from "../../src/bundle/ed25519-noble.js";
import { formatPrivateKey, parsePublicKey } from "../../src/bundle/keys.js";
import { createNodeSigner, nodeVerifier } from "../../src/service/keys/ed25519-node.js";
import { canonicalContent } from "../../src/bundle/policy-hash.js";
import { TEST_PRIVATE_KEY, TEST_PUBLIC_KEY } from "./fixtures/key.js";

const noble = createNobleSigner(TEST_PRIVATE_KEY);
const node = createNodeSigner(TEST_PRIVATE_KEY);
const { bytes: publicKey, keyId } = parsePublicKey(TEST_PUBLIC_KEY);

/** The order of the group, RFC 8032. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

async function verdicts(key: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean[]> {
  return Promise.all([nobleVerifier, nodeVerifier].map((verifier) => verifier.verify(key, message, signature)));
}

function bigint(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
}

describe("noble's and Node's Ed25519", () => {
  it("have the same key", () => {
    expect([noble.keyId, node.keyId]).toEqual([keyId, keyId]);
    expect([noble.publicKeyPem, node.publicKeyPem]).toEqual([TEST_PUBLIC_KEY, TEST_PUBLIC_KEY]);
  });

  it("sign the same bytes and take each other's", async () => {
    const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
    await fc.assert(
      fc.asyncProperty(seeds, fc.uint8Array({ maxLength: 300 }), async (seed, message) => {
        const pem = formatPrivateKey(seed);
        const signature = await createNobleSigner(pem).sign(message);
        const signer = createNodeSigner(pem);
        expect(new Uint8Array(await signer.sign(message))).toEqual(signature);
        const key = parsePublicKey(signer.publicKeyPem).bytes;
        expect(await verdicts(key, message, signature)).toEqual([true, true]);
        expect(await verdicts(key, new Uint8Array([...message, 0]), signature)).toEqual([false, false]);
      }),
      { numRuns: 50 },
    );
  });

  it("refuse every flipped bit of a signature", async () => {
    const message = new TextEncoder().encode("message");
    const signature = await noble.sign(message);
    for (let bit = 0; bit < 512; bit++) {
      const flipped = signature.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(await verdicts(publicKey, message, flipped)).toEqual([false, false]);
    }
  });

  it("refuse malleable and degenerate signatures", async () => {
    const message = new TextEncoder().encode("message");
    const signature = await noble.sign(message);
    const [r, s] = [signature.slice(0, 32), bigint(signature.slice(32))];
    // A point of order 8 added to R: good under the equation with the cofactor only.
    const torsion = Point.fromHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05");
    const identity = littleEndian(1n);
    const bad: Record<string, Uint8Array> = {
      "S + L": new Uint8Array([...r, ...littleEndian(s + L)]),
      "S = L": new Uint8Array([...identity, ...littleEndian(L)]),
      "S + 2L": new Uint8Array([...r, ...littleEndian(s + 2n * L)]),
      "all zero": new Uint8Array(64),
      "all ones": new Uint8Array(64).fill(255),
      "R with torsion": new Uint8Array([...Point.fromBytes(r).add(torsion).toBytes(), ...littleEndian(s)]),
      "R = identity, S = 0": new Uint8Array([...identity, ...littleEndian(0n)]),
      "one byte short": signature.slice(0, 63),
      "one byte long": new Uint8Array([...signature, 0]),
      empty: new Uint8Array(0),
    };
    for (const [what, forged] of Object.entries(bad)) {
      expect([what, ...(await verdicts(publicKey, message, forged))]).toEqual([what, false, false]);
    }
  });

  it("refuse a signature with torsion that the key's owner made on purpose", async () => {
    // R' = [r]B + T and S = r + k(R')a satisfy the equation times 8, and not the one without the cofactor.
    const { utils, hash } = await import("@noble/ed25519");
    const { scalar } = utils.getExtendedPublicKey(Uint8Array.from({ length: 32 }, (_, i) => i));
    const torsion = Point.fromHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05");
    const message = new TextEncoder().encode("message");
    const r = Point.BASE.multiply(12345n).add(torsion).toBytes();
    const k = bigint(hash(new Uint8Array([...r, ...publicKey, ...message]))) % L;
    const signature = new Uint8Array([...r, ...littleEndian((12345n + k * scalar) % L)]);
    expect(await verdicts(publicKey, message, signature)).toEqual([false, false]);
  });

  it("never takes a small-order key, under which anything is signed", async () => {
    const forged = new Uint8Array([...littleEndian(1n), ...littleEndian(0n)]);
    expect(await nobleVerifier.verify(littleEndian(1n), new Uint8Array(3), forged)).toBe(false);
  });
});

describe("each signature as each other's", () => {
  const identity = { bundleId: "b", orgId: "o", projectId: "p", environment: "dev", publishedAt: "t" };
  const hash = `sha256:${"0".repeat(64)}`;
  const messages: [purpose: string, message: Uint8Array][] = [
    ["signature", signatureMessage(hash)],
    ["signature_v2", signatureV2Message(identity, canonicalContent("{}", "{}"))],
    [
      "audit event",
      auditEventMessage({
        action: "head",
        actor: null,
        created_at: "t",
        id: "i",
        metadata: {},
        org_id: "o",
        prev_signature: null,
        resource_id: null,
        resource_type: null,
      }),
    ],
    ["audit head", auditHeadMessage({ org_id: "o", number: 1, hash })],
  ];
  const pairs = messages.flatMap(([signed, a]) => messages.map(([tried, b]) => [signed, tried, a, b] as const));

  it.each(pairs)("%s tried as %s", async (signed, tried, a, b) => {
    const good = signed === tried;
    expect(await verdicts(publicKey, b, await noble.sign(a))).toEqual([good, good]);
  });
});
