import { AppError } from "../../core/error.js";
import type { KeyPurpose } from "../../core/key.js";
import { KEY_FILE_OF } from "../keys/key-files.js";
import { signerFor } from "../keys/key-kinds.js";
import type { DatabaseFacts, Manifest } from "./manifest.js";
import type { KeyFiles } from "./sealed-keys.js";

/** Without the others a server does not start, or cannot publish; a lost webhook key is replaced by a new one. */
const REQUIRED: readonly KeyPurpose[] = ["audit", "bundles", "attestation", "opa"];
const PURPOSES: readonly KeyPurpose[] = [...REQUIRED, "webhooks"];

/** Throws `data_loss` if the database of a backup is not the one that its manifest describes. */
export function requireSameFacts(manifest: Manifest, facts: DatabaseFacts): void {
  const differing = (["schema", "operatorOrganization", "auditHeads"] as const).find(
    (name) => JSON.stringify(manifest[name]) !== JSON.stringify(facts[name]),
  );
  if (differing === undefined) return;
  throw new AppError("data_loss", `the backup is damaged: its manifest and its database differ in ${differing}`);
}

/**
 * Throws `conflict` if a private key is not the one that the server of the backup used, and `signing_failed` if the key of the audit, of
 * bundles, of attestation or for OPA is missing or malformed. The message names the file and both keys, never a private one.
 */
export function requireKeysOf(manifest: Manifest, files: KeyFiles): void {
  for (const purpose of PURPOSES) {
    const wanted = manifest.keys[purpose];
    const name = KEY_FILE_OF[purpose];
    const pem = files[name];
    // A server whose bundle key was unusable has none in its backups either.
    if (wanted === null) continue;
    if (pem === undefined) {
      if (REQUIRED.includes(purpose)) {
        throw new AppError("signing_failed", `the key ${wanted.keyId} is needed: there is no ${name}`);
      }
      continue;
    }
    const found = keyIdOf(purpose, name, pem);
    if (found === wanted.keyId) continue;
    throw new AppError(
      "conflict",
      `${name} is another key: it is ${found}, and the server of the backup used ${wanted.keyId}`,
    );
  }
}

function keyIdOf(purpose: KeyPurpose, name: string, pem: string): string {
  try {
    return signerFor(purpose, pem).keyId;
  } catch (cause) {
    throw new AppError("signing_failed", `${name} is not a private key`, { cause });
  }
}
