import { createHash } from "node:crypto";
import { addSignature, envelopeKeyId, signEnvelope } from "../../src/bundle/envelope/dsse.js";
import { formatPrivateKey, keyId, parsePublicKey, type PublicKey } from "../../src/bundle/keys.js";
import type { Signer } from "../../src/bundle/signer.js";
import { formatRelease, type Release } from "../../src/bundle/trust/release.js";
import { formatRoot, ROOT_TYPE, type Root, type RoleRule } from "../../src/bundle/trust/root.js";
import { STATEMENT_TYPE } from "../../src/bundle/trust/statement.js";
import { createNodeSigner } from "../../src/service/keys/ed25519-node.js";

/** A key of a test: always the same one for a name. */
export interface TestKey {
  readonly name: string;
  /** 64 hex digits. */
  readonly id: string;
  readonly publicKey: PublicKey;
  readonly signer: Signer;
}

export function testKey(name: string): TestKey {
  const signer = createNodeSigner(formatPrivateKey(createHash("sha256").update(name).digest()));
  const publicKey = parsePublicKey(signer.publicKeyPem);
  return { name, id: envelopeKeyId(publicKey), publicKey, signer };
}

/** The envelope of a payload that these keys signed, in this order. */
export async function signedBy(payloadType: string, payload: Uint8Array, keys: readonly TestKey[]): Promise<string> {
  const [first, ...others] = keys;
  if (first === undefined) throw new Error("nobody signs");
  let envelope = await signEnvelope(payloadType, payload, first.signer, first.publicKey);
  for (const { signer, publicKey } of others) envelope = await addSignature(envelope, signer, publicKey);
  return envelope;
}

/** A key as TrustService has it: base64 of 32 bytes. */
export function publicKeyOf(base64: string): PublicKey {
  const bytes = new Uint8Array(Buffer.from(base64, "base64"));
  return { bytes, keyId: keyId(bytes) };
}

/** `threshold` of these keys. */
export function rule(threshold: number, ...keys: readonly TestKey[]): RoleRule {
  return { threshold, keyIds: keys.map(({ id }) => id) };
}

/** Keys as a root lists them, with their names for people. */
export function listed(keys: readonly TestKey[]): Pick<Root, "keys" | "names"> {
  return {
    keys: new Map(keys.map(({ id, publicKey }) => [id, publicKey])),
    names: Object.fromEntries(keys.map(({ id, name }) => [id, name])),
  };
}

/** Who makes the roots of a test, and with what. */
export interface RootMaker {
  readonly orgId: string;
  readonly projectId: string;
  /** The server's key for activations and leases. */
  readonly server: PublicKey;
  readonly owner: TestKey;
  readonly authors: readonly TestKey[];
}

/** A root of version 1: one owner, the server's key for activations and leases, the authors for releases with threshold 0. */
export function aRoot({ orgId, projectId, server, owner, authors }: RootMaker, changes: Partial<Root> = {}): Root {
  const online = rule(1, { id: envelopeKeyId(server) } as TestKey);
  const { keys, names } = listed([owner, ...authors]);
  return {
    ...{ orgId, projectId, version: 1, expiresAt: "2099-01-01T00:00:00Z", names },
    keys: new Map([...keys, [envelopeKeyId(server), server]]),
    roles: { root: rule(1, owner), activation: online, lease: online, release: rule(0, ...authors) },
    environments: new Map(),
    rollback: "server",
    revoked: [],
    ...changes,
  };
}

/** The envelope of a root. */
export async function rootEnvelope(root: Root, ...keys: readonly TestKey[]): Promise<string> {
  return await signedBy(ROOT_TYPE, formatRoot(root), keys);
}

/** What a release of a test says. */
export type ReleaseFacts = Pick<Release, "orgId" | "projectId"> &
  Partial<Release> & { readonly contents: Readonly<Record<string, string>> };

/** The envelope of a release of contents, by environment: their policy hashes or digests. */
export async function releaseEnvelope(
  { contents, ...facts }: ReleaseFacts,
  ...keys: readonly TestKey[]
): Promise<string> {
  const payload = formatRelease({
    ...{ number: 1, createdAt: "2026-01-01T00:00:00Z", expiresAt: null, mediaType: "application/json", source: null },
    subjects: new Map(Object.entries(contents).map(([name, hash]) => [name, hash.replace("sha256:", "")])),
    ...facts,
  });
  return await signedBy(STATEMENT_TYPE, payload, keys);
}
