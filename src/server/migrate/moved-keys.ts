import { join } from "node:path";
import type { Instant } from "../../core/clock.js";
import { AppError } from "../../core/error.js";
import { KEY_PURPOSES, type KeySlot, type SealedKey } from "../../core/key.js";
import { readKeyFiles } from "../../service/backups/read-keys.js";
import { givenPem, nextFileOf } from "../../service/keys/rotated-key.js";
import { createNodeSigner } from "../../service/keys/ed25519-node.js";
import { KEY_FILE_OF, openLastKeys, type LastKeys, type VerifyingKeys } from "../../service/keys/key-files.js";
import type { KeySealer } from "../../service/keys/key-sealer.js";
import { isPrivatePem, keyIdOf, publicPemOf, sealKeySet, type KeySet } from "../../service/keys/sealed-key-set.js";
import { writeSecretFile } from "../../service/keys/secret-file.js";
import { verifyingKeys } from "../../service/keys/verifying-keys.js";
import type { MoveConfig } from "./move.js";

const FILE_OF: Readonly<Record<KeySlot, string>> = {
  ...KEY_FILE_OF,
  next: nextFileOf("bundles"),
  "next-attestation": nextFileOf("attestation"),
};
const SLOTS: readonly KeySlot[] = [...KEY_PURPOSES, "next", "next-attestation"];
/** Slots that are empty in a database that no server of this release has opened; the next start fills `attestation` and `opa`. */
const OPTIONAL: readonly KeySlot[] = ["attestation", "opa", "next", "next-attestation"];

/**
 * The keys of a data directory, encrypted for a database: private ones of its files, and the public halves of those that settings give,
 * which stay settings.
 */
export async function sealedKeysOf(
  directory: string,
  config: Pick<MoveConfig, "signingKey" | "nextSigningKey">,
  sealer: KeySealer,
  at: Instant,
): Promise<readonly SealedKey[]> {
  const files = readKeyFiles(directory, null);
  const set: Partial<Record<KeySlot, string>> = {};
  for (const slot of SLOTS) {
    const pem = given(slot, config) ?? files[FILE_OF[slot]];
    if (pem !== undefined) set[slot] = pem;
  }
  return await sealKeySet(set, sealer, at);
}

/**
 * Writes the keys of nodes into a data directory, readable by its owner alone, with the public keys that a start compares them with. Those
 * that settings give stay settings: throws `signing_failed` when they are not set here, and `conflict` when others are.
 */
export function writeKeyFiles(
  directory: string,
  set: KeySet,
  config: Pick<MoveConfig, "signingKey" | "nextSigningKey">,
): void {
  requireGiven(set, config);
  for (const slot of SLOTS) {
    const pem = set[slot];
    if (pem !== undefined && isPrivatePem(pem)) writeSecretFile(join(directory, FILE_OF[slot]), pem);
  }
  const current = KEY_PURPOSES.flatMap((purpose) => {
    const pem = set[purpose];
    return pem === undefined ? [] : [[purpose, publicPemOf(pem, purpose)]];
  });
  openLastKeys(directory).remember(Object.fromEntries(current) as LastKeys["pems"] & object);
}

/** Throws as writeKeyFiles. */
export function requireGiven(set: KeySet, config: Pick<MoveConfig, "signingKey" | "nextSigningKey">): void {
  for (const slot of SLOTS) {
    const pem = set[slot];
    const own = given(slot, config);
    if (pem === undefined) {
      if (!OPTIONAL.includes(slot)) throw new AppError("signing_failed", `the database has no key for ${slot}`);
      continue;
    }
    const name = slot === "next" ? "SIGNET_NEXT_SIGNING_KEY" : "SIGNET_SIGNING_KEY";
    if (own === undefined && !isPrivatePem(pem)) {
      throw new AppError("signing_failed", `the nodes have ${name} (key ${keyIdOf(pem, slot)}): set it here too`);
    }
    if (own !== undefined && keyIdOf(own, slot) !== keyIdOf(pem, slot)) {
      throw new AppError(
        "conflict",
        `${name} is another key: it is ${keyIdOf(own, slot)}, and the nodes have ${keyIdOf(pem, slot)}`,
      );
    }
  }
}

/** The keys of nodes, to verify with all of them and to sign the audit. Throws `signing_failed` without one. */
export function keysOfSet(set: KeySet): VerifyingKeys {
  const half = (slot: KeySlot) => {
    const pem = set[slot];
    if (pem === undefined) {
      if (OPTIONAL.includes(slot)) return null;
      throw new AppError("signing_failed", `the database has no key for ${slot}`);
    }
    return { keyId: keyIdOf(pem, slot), publicKeyPem: publicPemOf(pem, slot) };
  };
  const keys = verifyingKeys({
    bundles: half("bundles"),
    audit: half("audit"),
    webhooks: half("webhooks"),
    attestation: half("attestation"),
    opa: half("opa"),
  });
  return { ...keys, audit: createNodeSigner(set.audit ?? "") };
}

/** The public half of a key that a setting gives. */
function given(slot: KeySlot, { signingKey, nextSigningKey }: Pick<MoveConfig, "signingKey" | "nextSigningKey">) {
  if (slot === "bundles" && signingKey !== null) return publicPemOf(givenPem(signingKey, "SIGNET_SIGNING_KEY"));
  if (slot === "next" && nextSigningKey !== null)
    return publicPemOf(givenPem(nextSigningKey, "SIGNET_NEXT_SIGNING_KEY"));
  return undefined;
}
