import { generateKeyPairSync } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Signer } from "../bundle/signer.js";
import { AppError } from "../core/error.js";
import { createNodeSigner } from "./ed25519-node.js";
import { writeSecretFile } from "./secret-file.js";

/** The keys of a data directory, as signers. */
export interface SigningKeys {
  readonly bundles: Signer;
  readonly audit: Signer;
  readonly webhooks: Signer;
  /** Why bundles cannot be signed; null when they can. */
  readonly problem: string | null;
}

const BUNDLE_KEY_FILE = "bundle-signing-key.pem";
const AUDIT_KEY_FILE = "audit-signing-key.pem";
const WEBHOOK_KEY_FILE = "webhook-signing-key.pem";

/**
 * The signing keys: the given bundle key (PEM, or a path to it) or the one that the data directory keeps, and the audit key of the
 * data directory. A new directory gets new ones; in an old one a missing key is not replaced, since runtimes trust the old one.
 *
 * A bundle key that is missing or malformed does not stop the server: reading and watching go on, publishing answers
 * `signing_failed` (api.md, "Bundles"). The audit key must be there: throws `signing_failed` otherwise.
 */
export function openSigningKeys(directory: string, given: string | null, isNew: boolean): SigningKeys {
  const audit = createNodeSigner(readOrCreate(join(directory, AUDIT_KEY_FILE), isNew));
  // Directories of the first release have none; a lost one is replaced, as subscribers read the current one from GET /v1/keys.
  const webhooks = createNodeSigner(readOrCreate(join(directory, WEBHOOK_KEY_FILE), true));
  try {
    const pem = given === null ? readOrCreate(join(directory, BUNDLE_KEY_FILE), isNew) : givenPem(given);
    const bundles = createNodeSigner(pem);
    if ([audit.keyId, webhooks.keyId].includes(bundles.keyId)) {
      throw new AppError("signing_failed", "the bundle signing key must not be the audit's or the webhooks' key");
    }
    return { bundles, audit, webhooks, problem: null };
  } catch (thrown) {
    const problem = thrown instanceof Error ? thrown.message : String(thrown);
    return { bundles: unusableSigner(problem), audit, webhooks, problem };
  }
}

function readOrCreate(path: string, mayCreate: boolean): string {
  if (existsSync(path)) return readFileSync(path, "utf8");
  if (!mayCreate) throw new AppError("signing_failed", `the signing key ${path} is missing`);
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  writeSecretFile(path, pem);
  return pem;
}

function givenPem(given: string): string {
  if (given.includes("-----BEGIN")) return given;
  try {
    return readFileSync(given, "utf8");
  } catch (cause) {
    throw new AppError("signing_failed", "SIGNET_SIGNING_KEY is neither a PEM nor the path of a readable file", {
      cause,
    });
  }
}

function unusableSigner(problem: string): Signer {
  return {
    keyId: "",
    publicKeyPem: "",
    sign: () => Promise.reject(new AppError("signing_failed", "policy signing failed", { cause: new Error(problem) })),
  };
}
