import { decodeBase64, encodeBase64 } from "../../bundle/base64.js";
import { keyEndorsementMessage } from "../../bundle/key-endorsement.js";
import { parsePublicKey, type PublicKey } from "../../bundle/keys.js";
import type { Signer } from "../../bundle/signer.js";
import { instantOf, type Clock, type Instant } from "../../core/clock.js";
import { SERVER_KEY, type KeyOwner, type KeyPurpose, type PublicKeyRecord } from "../../core/key.js";
import type { Environment, Organization } from "../../core/organization.js";
import type { Store, Writer } from "../../store/store.js";
import { nodeVerifier } from "./ed25519-node.js";
import type { LastKeys, OwnedPurpose, SigningKeys } from "./key-files.js";

const PURPOSES = ["bundles", "audit", "webhooks"] as const;
const ALL = { limit: 1_000_000, offset: 0 };

/**
 * Stores the public halves of the server's keys, so that their signatures can be verified for ever, and endorses the previous ones: a
 * new key signs the key that was current at the last start, according to the data directory.
 *
 * At the first start with a database of an older release nothing is recorded: then the keys in the database are trusted, this once.
 * Returns the ids of those keys.
 */
export async function keepPublicKeys(
  store: Store,
  clock: Clock,
  keys: SigningKeys,
  last: LastKeys,
): Promise<readonly string[]> {
  const at = instantOf(clock.now());
  const trusted = await store.write(async (tx) => {
    const onTrust: string[] = [];
    let isRenewed = false;
    for (const purpose of PURPOSES) {
      if (keys[purpose].keyId === "") continue;
      const server = { purpose, signer: keys[purpose] };
      if (last.pems === null) onTrust.push(...(await trustOlder(tx, server, at)));
      const before = last.pems?.[purpose];
      if (before !== undefined) await endorseIn(tx, server, before, SERVER_KEY, at);
      if (await keepCurrent(tx, server, at)) isRenewed = true;
    }
    if (isRenewed) await keepAllOwned(tx, keys, at);
    return onTrust;
  });
  const now = PURPOSES.filter((purpose) => keys[purpose].keyId !== "").map((it) => [it, keys[it].publicKeyPem]);
  last.remember({ ...last.pems, ...(Object.fromEntries(now) as LastKeys["pems"]) });
  return trusted;
}

/** Stores and endorses the public keys of an organization with its own. Throws `signing_failed` without a key to derive them from. */
export async function keepOrganizationKeys(tx: Writer, keys: SigningKeys, orgId: string, at: Instant): Promise<void> {
  for (const purpose of ["bundles", "webhooks"] as const) {
    await keepOwned(tx, keys, purpose, { orgId, environmentId: null }, at);
  }
}

/** Like keepOrganizationKeys, for an environment with its own key. */
export async function keepEnvironmentKey(
  tx: Writer,
  keys: SigningKeys,
  { id, orgId }: Environment,
  at: Instant,
): Promise<void> {
  await keepOwned(tx, keys, "bundles", { orgId, environmentId: id }, at);
}

/** Whether a record has a valid endorsement by the key of `endorserPem`. */
export async function isEndorsedBy(record: PublicKeyRecord, endorserPem: string): Promise<boolean> {
  const { purpose, orgId, environmentId } = record;
  const publicKey = readableKey(record.publicKeyPem);
  const endorser = readableKey(endorserPem);
  const signature = decodeBase64(record.endorsement ?? "");
  if (publicKey?.keyId !== record.keyId || endorser === null || signature === undefined) return false;
  const message = keyEndorsementMessage({ purpose, publicKey: publicKey.bytes, orgId, environmentId });
  return await nodeVerifier.verify(endorser.bytes, message, signature);
}

/** Null for a malformed key in the database: it is not endorsed, and the other keys still count. */
function readableKey(pem: string): PublicKey | null {
  try {
    return parsePublicKey(pem);
  } catch {
    return null;
  }
}

/** The server's key of a purpose. */
interface ServerKey {
  readonly purpose: KeyPurpose;
  readonly signer: Signer;
}

async function endorseIn(
  tx: Writer,
  { purpose, signer }: ServerKey,
  publicKeyPem: string,
  owner: KeyOwner,
  createdAt: Instant,
): Promise<void> {
  const { keyId, bytes: publicKey } = parsePublicKey(publicKeyPem);
  const endorsement = encodeBase64(await signer.sign(keyEndorsementMessage({ purpose, publicKey, ...owner })));
  const { orgId, environmentId } = owner;
  const about = { keyId, purpose, publicKeyPem, createdAt, orgId, environmentId };
  await tx.putPublicKey({ ...about, endorsedBy: signer.keyId, endorsement });
}

/** Endorses the keys in the database of an older release; none if any was endorsed before. */
async function trustOlder(tx: Writer, server: ServerKey, at: Instant): Promise<readonly string[]> {
  const kept = await tx.publicKeys(server.purpose);
  if (kept.some(({ endorsedBy }) => endorsedBy !== null)) return [];
  const older = kept.filter(({ keyId }) => keyId !== server.signer.keyId);
  for (const { publicKeyPem } of older) await endorseIn(tx, server, publicKeyPem, SERVER_KEY, at);
  return older.map(({ keyId }) => keyId);
}

/** Stores the current key; returns false if it was stored already. */
async function keepCurrent(tx: Writer, server: ServerKey, at: Instant): Promise<boolean> {
  const { keyId, publicKeyPem } = server.signer;
  const kept = await tx.publicKey(keyId);
  const isAsItIs = kept?.endorsedBy === keyId && kept.publicKeyPem === publicKeyPem && kept.orgId === null;
  if (isAsItIs && (await isEndorsedBy(kept, publicKeyPem))) return false;
  await endorseIn(tx, server, publicKeyPem, SERVER_KEY, at);
  return true;
}

async function keepOwned(
  tx: Writer,
  keys: SigningKeys,
  purpose: OwnedPurpose,
  owner: KeyOwner,
  at: Instant,
): Promise<void> {
  const { publicKeyPem } = keys.derive(purpose, owner);
  // Without the server's key there is none: signing throws the reason.
  if (publicKeyPem === "") await keys[purpose].sign(new Uint8Array());
  await endorseIn(tx, { purpose, signer: keys[purpose] }, publicKeyPem, owner, at);
}

/** Stores all derived keys again after the server's key changed. */
async function keepAllOwned(tx: Writer, keys: SigningKeys, at: Instant): Promise<void> {
  const { rows: organizations } = await tx.organizations(ALL);
  for (const organization of organizations) {
    if (organization.ownKeysSince !== null) await renewOrganization(tx, keys, organization, at);
    for (const environment of await tx.environmentsWithOwnKey(organization.id)) {
      if (keys.problem === null) await keepEnvironmentKey(tx, keys, environment, at);
    }
  }
}

async function renewOrganization(tx: Writer, keys: SigningKeys, { id }: Organization, at: Instant): Promise<void> {
  const owner = { orgId: id, environmentId: null };
  await keepOwned(tx, keys, "webhooks", owner, at);
  if (keys.problem === null) await keepOwned(tx, keys, "bundles", owner, at);
}
