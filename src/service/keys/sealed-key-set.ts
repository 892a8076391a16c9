import type { Instant } from "../../core/clock.js";
import { AppError } from "../../core/error.js";
import type { KeySlot, SealedKey } from "../../core/key.js";
import type { Store, Writer } from "../../store/store.js";
import { newPemFor, publicKeyFor, signerFor } from "./key-kinds.js";
import type { KeySealer } from "./key-sealer.js";

/**
 * The server's keys as PEM, by slot: private keys, or the public half of one that a setting gives. `next` is there while a key is
 * announced.
 */
export type KeySet = Readonly<Partial<Record<KeySlot, string>>>;

/** Whether a PEM has a private key. */
export function isPrivatePem(pem: string): boolean {
  return pem.includes("PRIVATE KEY");
}

/** The public half of a private key, or a public key as it is. Throws `signing_failed` for a key of another kind than the slot's. */
export function publicPemOf(pem: string, slot: KeySlot = "bundles"): string {
  return isPrivatePem(pem) ? signerFor(slot, pem).publicKeyPem : pem;
}

/** The id of a key by its private or its public half. Throws as publicPemOf. */
export function keyIdOf(pem: string, slot: KeySlot = "bundles"): string {
  return publicKeyFor(slot, publicPemOf(pem, slot)).keyId;
}

/** Encrypts a set of keys. */
export async function sealKeySet(set: KeySet, sealer: KeySealer, at: Instant): Promise<readonly SealedKey[]> {
  const sealed: SealedKey[] = [];
  for (const [slot, pem] of Object.entries(set) as [KeySlot, string][]) {
    sealed.push(await sealer.seal({ slot, keyId: keyIdOf(pem, slot), pem, at }));
  }
  return sealed;
}

/** Decrypts a set of keys. Throws as KeySealer.open, and `data_loss` for a row whose key has another id. */
export async function openKeySet(rows: readonly SealedKey[], sealer: KeySealer): Promise<KeySet> {
  const set: Partial<Record<KeySlot, string>> = {};
  for (const row of rows) {
    const pem = await sealer.open(row);
    if (keyIdOf(pem, row.slot) !== row.keyId)
      throw new AppError("data_loss", `the key ${row.keyId} in the database is another one`);
    set[row.slot] = pem;
  }
  return set;
}

/**
 * Keeps the keys of a new deployment in the database, unless it has some: of nodes that start together, one keeps its set. Returns what
 * the database then has. Throws `signing_failed` for a database that has signed with keys that are missing in it: runtimes trust them.
 */
export async function keepFirstSet(store: Store, made: readonly SealedKey[]): Promise<readonly SealedKey[]> {
  return await store.write(async (tx) => {
    const kept = await tx.sealedKeys();
    if (kept.length > 0) return kept;
    const [known] = await tx.publicKeys();
    if (known !== undefined) {
      const message =
        `the database has signed with keys that are missing in it (among them ${known.keyId}): ` +
        "restore the table sealed_keys from a backup";
      throw new AppError("signing_failed", message);
    }
    for (const row of made) await tx.putSealedKey(row);
    return made;
  });
}

/**
 * The rows of a database, with a new key of a purpose for one of a release that had none: of nodes that start together, one makes it.
 * Throws `invalid` for another secret than that of the rows, `conflict` when it changes meanwhile, and `signing_failed` when the database
 * has signed with a key of the purpose that is missing in it: the root documents of runtimes, or the configurations of OPAs, name it.
 */
export async function withKeyFor(
  purpose: "attestation" | "opa",
  store: Store,
  rows: readonly SealedKey[],
  sealer: KeySealer,
  at: Instant,
): Promise<readonly SealedKey[]> {
  const [known] = rows;
  if (known === undefined || rows.some(({ slot }) => slot === purpose)) return rows;
  // From here on the sealer derives as the other rows do.
  await sealer.open(known);
  const made = await sealKeySet({ [purpose]: newPemFor(purpose) }, sealer, at);
  return await store.write(async (tx) => {
    const kept = await tx.sealedKeys();
    if (kept.some(({ slot }) => slot === purpose)) return kept;
    const [lost] = await tx.publicKeys(purpose);
    if (lost !== undefined) {
      const did = purpose === "attestation" ? "attested" : "signed for OPA";
      const message = `the database has ${did} with the key ${lost.keyId}, which is missing in it: restore the table sealed_keys from a backup`;
      throw new AppError("signing_failed", message);
    }
    if (!kept.every((row) => sealer.hasSealed(row))) {
      throw new AppError(
        "conflict",
        "the keys were encrypted with another secret while this node started: start it again",
      );
    }
    for (const row of made) await tx.putSealedKey(row);
    return [...kept, ...made];
  });
}

/**
 * Encrypts all keys with another secret, in one transaction, in which it calls `record` with the keys. Nodes that run go on with the keys
 * in memory, and need the new secret for their next start and for keys that are made from then on. Returns the ids of the keys. Throws
 * `invalid` for a wrong secret, `not_found` for a database without keys, `conflict` when a node changed the keys meanwhile.
 */
export async function resealKeys(
  store: Store,
  { from, to, at }: { readonly from: KeySealer; readonly to: KeySealer; readonly at: Instant },
  record: (tx: Writer, set: KeySet) => Promise<void>,
): Promise<readonly string[]> {
  const rows = await store.read.sealedKeys();
  if (rows.length === 0) throw new AppError("not_found", "the database has no signing keys");
  const set = await openKeySet(rows, from);
  const sealed = await sealKeySet(set, to, at);
  await store.write(async (tx) => {
    const now = await tx.sealedKeys();
    const isSame = now.length === rows.length && now.every((it, n) => it.sealed === rows[n]?.sealed);
    if (!isSame) throw new AppError("conflict", "a node changed the signing keys at the same time: try again");
    for (const row of sealed) await tx.putSealedKey(row);
    await record(tx, set);
  });
  return sealed.map(({ keyId }) => keyId);
}
