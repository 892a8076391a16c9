import { decodeBase64, encodeBase64 } from "../../bundle/base64.js";
import { keyEndorsementMessage } from "../../bundle/key-endorsement.js";
import type { Signer } from "../../bundle/signer.js";
import { instantOf, type Clock, type Instant } from "../../core/clock.js";
import { AppError } from "../../core/error.js";
import {
  KEY_PURPOSES,
  SERVER_KEY,
  type KeyOwner,
  type KeyPurpose,
  type PublicKeyRecord,
  type RotatedPurpose,
} from "../../core/key.js";
import type { Environment, Organization } from "../../core/organization.js";
import type { Store, Writer } from "../../store/store.js";
import { publicKeyFor, verifyFor, type KindOfPublicKey } from "./key-kinds.js";
import type { LastKeys, OwnedPurpose, SigningKeys } from "./key-files.js";
import type { RotatedKey } from "./rotated-key.js";

const ROTATED = ["bundles", "attestation"] as const satisfies readonly RotatedPurpose[];
const ALL = { limit: 1_000_000, offset: 0 };

/** A change of the server's keys that a start found or made. */
export type KeyEvent =
  | { readonly type: "changed"; readonly purpose: KeyPurpose; readonly from: string; readonly to: string }
  | { readonly type: "announced"; readonly purpose: RotatedPurpose; readonly keyId: string };

/** Records a change of keys in the transaction that makes it. */
export type RecordKeyEvent = (tx: Writer, event: KeyEvent) => Promise<void>;

/**
 * Stores the public halves of the server's keys, so that their signatures can be verified later, and endorses the previous ones: a
 * new key signs the key that was current at the last start, according to the data directory. The current bundle key endorses the
 * announced next one.
 *
 * At the first start with a database of an older release nothing is recorded: then the keys in the database are trusted, this once.
 * Returns the ids of those keys. Throws `signing_failed` if a key that was retired is current again.
 */
export async function keepPublicKeys(
  store: Store,
  clock: Clock,
  keys: SigningKeys,
  last: LastKeys,
  record: RecordKeyEvent,
): Promise<readonly string[]> {
  const at = instantOf(clock.now());
  const trusted = await store.write(async (tx) => {
    const onTrust: string[] = [];
    let isRenewed = false;
    await keys.shared?.adoptIn(tx);
    for (const purpose of KEY_PURPOSES) {
      if (keys[purpose].keyId === "") continue;
      const server = { purpose, signer: keys[purpose] };
      await refuseRetired(tx, server);
      if (last.pems === null) onTrust.push(...(await trustOlder(tx, server, at)));
      const before = last.pems?.[purpose];
      if (before !== undefined) await endorseIn(tx, server, before, SERVER_KEY, at);
      if (!(await keepCurrent(tx, server, at))) continue;
      isRenewed = true;
      const from = before === undefined ? server.signer.keyId : publicKeyFor(purpose, before).keyId;
      if (from !== server.signer.keyId) await record(tx, { type: "changed", purpose, from, to: server.signer.keyId });
    }
    if (isRenewed) await keepAllOwned(tx, keys, at);
    for (const purpose of ROTATED) await keepNext(tx, keys, purpose, at, record);
    return onTrust;
  });
  rememberKeys(keys, last);
  return trusted;
}

/** Writes the current public keys where the next start finds them: keys that it replaces are endorsed by the new ones. */
export function rememberKeys(keys: SigningKeys, last: LastKeys): void {
  const now = KEY_PURPOSES.filter((purpose) => keys[purpose].keyId !== "").map((it) => [it, keys[it].publicKeyPem]);
  last.remember({ ...last.pems, ...(Object.fromEntries(now) as LastKeys["pems"]) });
}

/** The key of a purpose, which is rotated. */
export function rotatedKeyOf(keys: SigningKeys, purpose: RotatedPurpose): RotatedKey {
  return purpose === "bundles" ? keys.bundleKey : keys.attestationKey;
}

/** Stores the announced key, endorsed by the current one. */
export async function announceIn(
  tx: Writer,
  keys: SigningKeys,
  purpose: RotatedPurpose,
  next: Signer,
  at: Instant,
): Promise<void> {
  await endorseIn(tx, { purpose, signer: keys[purpose] }, next.publicKeyPem, SERVER_KEY, at);
}

/** Makes `next` the server's key of a purpose in the database: it endorses itself and the key before. */
export async function activateKeyIn(
  tx: Writer,
  keys: SigningKeys,
  purpose: RotatedPurpose,
  next: Signer,
  at: Instant,
): Promise<void> {
  const server = { purpose, signer: next };
  await endorseIn(tx, server, keys[purpose].publicKeyPem, SERVER_KEY, at);
  await endorseIn(tx, server, next.publicKeyPem, SERVER_KEY, at);
}

/**
 * Retires a key of the server: from now on nothing that it, or a key derived from it, signed is accepted. What it endorsed of the
 * server's own keys is endorsed by the current one.
 */
export async function retireKeyIn(
  tx: Writer,
  keys: SigningKeys,
  purpose: RotatedPurpose,
  keyId: string,
  at: Instant,
): Promise<void> {
  const server = { purpose, signer: keys[purpose] };
  for (const key of await tx.publicKeys(purpose)) {
    if (key.endorsedBy !== keyId || key.keyId === keyId) continue;
    await endorseIn(tx, server, key.publicKeyPem, SERVER_KEY, at);
  }
  await tx.retirePublicKey(keyId, at);
}

/** The keys in memory are not those of the database any more: another node changed them. */
export class OutdatedKeysError extends Error {}

/** Changes of another node that happen during one transaction's repeats before the caller is told to retry. */
const TRIES = 5;

/**
 * As `store.write`, for a transaction that derives keys: where nodes share them it is repeated with the newest ones when another node
 * changed them. Throws `conflict` when they change each time.
 */
export async function writeWithKeys<T>(
  store: Store,
  { shared }: Pick<SigningKeys, "shared">,
  work: (tx: Writer) => Promise<T>,
): Promise<T> {
  if (shared === null) return await store.write(work);
  for (let tries = 0; tries < TRIES; tries += 1) {
    try {
      return await store.write(work);
    } catch (thrown) {
      if (!(thrown instanceof OutdatedKeysError)) throw thrown;
      await shared.refresh();
    }
  }
  throw new AppError("conflict", "the signing keys change faster than this change can be made; retry");
}

/**
 * Stores and endorses the public keys of an organization with its own, in a transaction of writeWithKeys. Throws `signing_failed` without
 * a key to derive them from.
 */
export async function keepOrganizationKeys(tx: Writer, keys: SigningKeys, orgId: string, at: Instant): Promise<void> {
  await requireNewest(tx, keys);
  for (const purpose of ["bundles", "webhooks"] as const) {
    await keepOwned(tx, keys, purpose, { orgId, environmentId: null }, at);
  }
  await keepNextOwned(tx, keys, { orgId, environmentId: null }, at);
}

/** Like keepOrganizationKeys, for an environment with its own key. */
export async function keepEnvironmentKey(
  tx: Writer,
  keys: SigningKeys,
  { id, orgId }: Environment,
  at: Instant,
): Promise<void> {
  const owner = { orgId, environmentId: id };
  await requireNewest(tx, keys);
  await keepOwned(tx, keys, "bundles", owner, at);
  await keepNextOwned(tx, keys, owner, at);
}

/** Stores the key that an owner will have after the activation of the next key, endorsed by that; nothing while none is announced. */
export async function keepNextOwned(tx: Writer, keys: SigningKeys, owner: KeyOwner, at: Instant): Promise<void> {
  const { next } = keys.bundleKey;
  const derived = keys.bundleKey.deriveNext(owner);
  if (next === null || derived === null) return;
  await endorseIn(tx, { purpose: "bundles", signer: next }, derived.publicKeyPem, owner, at);
}

/** Whether a record has a valid endorsement by the key of `endorserPem`. */
export async function isEndorsedBy(record: PublicKeyRecord, endorserPem: string): Promise<boolean> {
  const { purpose, orgId, environmentId } = record;
  const publicKey = readableKey(purpose, record.publicKeyPem);
  const endorser = readableKey(purpose, endorserPem);
  const signature = decodeBase64(record.endorsement ?? "");
  if (publicKey?.keyId !== record.keyId || endorser === null || signature === undefined) return false;
  const message = keyEndorsementMessage({ purpose, publicKey: publicKey.bytes, orgId, environmentId });
  return await verifyFor(purpose, endorser, message, signature);
}

/** Null for a malformed key in the database: it is not endorsed, and the other keys still count. */
function readableKey(purpose: KeyPurpose, pem: string): KindOfPublicKey | null {
  try {
    return publicKeyFor(purpose, pem);
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
  const { keyId, bytes: publicKey } = publicKeyFor(purpose, publicKeyPem);
  const endorsement = encodeBase64(await signer.sign(keyEndorsementMessage({ purpose, publicKey, ...owner })));
  const { orgId, environmentId } = owner;
  const about = { keyId, purpose, publicKeyPem, createdAt, orgId, environmentId };
  await tx.putPublicKey({ ...about, endorsedBy: signer.keyId, endorsement, retiredAt: null });
}

/** An owner gets the keys of the current and of the next key, or the next one would sign with keys that nobody has. */
async function requireNewest(tx: Writer, { shared }: SigningKeys): Promise<void> {
  if (shared === null) return;
  if (!(await shared.areCurrent(tx, "next"))) throw new OutdatedKeysError();
  if (shared.nextProblem !== null) throw new AppError("signing_failed", shared.nextProblem);
}

/** A next key that the database does not have is announced now: it is a setting, or the process ended while it was announced. */
async function keepNext(
  tx: Writer,
  keys: SigningKeys,
  purpose: RotatedPurpose,
  at: Instant,
  record: RecordKeyEvent,
): Promise<void> {
  const rotated = rotatedKeyOf(keys, purpose);
  const { next } = rotated;
  if (next === null) return;
  const kept = await tx.publicKey(next.keyId);
  // Withdrawn before: the process ended before the file was removed, or it is a setting still.
  if (kept !== null && kept.retiredAt !== null) return rotated.dropNext();
  if (kept !== null && (await isEndorsedBy(kept, keys[purpose].publicKeyPem))) return;
  await announceIn(tx, keys, purpose, next, at);
  await record(tx, { type: "announced", purpose, keyId: next.keyId });
}

async function refuseRetired(tx: Writer, { purpose, signer }: ServerKey): Promise<void> {
  const kept = await tx.publicKey(signer.keyId);
  if (kept === null || kept.retiredAt === null) return;
  const message = `the signing key ${signer.keyId} (${purpose}) was retired at ${kept.retiredAt}: use another one`;
  throw new AppError("signing_failed", message);
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
