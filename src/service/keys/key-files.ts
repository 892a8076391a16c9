import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parsePrivateKey, parsePublicKey } from "../../bundle/keys.js";
import type { Signer } from "../../bundle/signer.js";
import { AppError } from "../../core/error.js";
import type { KeyOwner, KeyPurpose } from "../../core/key.js";
import { createDerivedKeys, type DerivedKeys } from "./derived-keys.js";
import { createNodeSigner } from "./ed25519-node.js";
import { readSecretFile, writeSecretFile } from "./secret-file.js";

/** The purposes for which organizations can have their own keys. */
export type OwnedPurpose = Exclude<KeyPurpose, "audit">;

/** The keys of a data directory, as signers. */
export interface SigningKeys {
  /** The server's own key, also that of the operator's organization. */
  readonly bundles: Signer;
  readonly audit: Signer;
  readonly webhooks: Signer;
  /** Why bundles cannot be signed; null if they can. */
  readonly problem: string | null;
  /** The public bundle key of the last start, PEM, while the private one is unusable: its endorsements still count. */
  readonly lastBundlesPem: string | null;
  /** The key of an organization or an environment. It cannot sign if the server's own key cannot. */
  derive(purpose: OwnedPurpose, owner: KeyOwner): Signer;
}

/** The server's public keys at its last start, PEM by purpose; kept outside of the database, so that changing it has no effect here. */
export interface LastKeys {
  /** Null before the first start that wrote them. */
  readonly pems: Partial<Readonly<Record<KeyPurpose, string>>> | null;
  /** Replaces them. */
  remember(pems: Partial<Readonly<Record<KeyPurpose, string>>>): void;
}

/** The private bundle key of a data directory. */
export const BUNDLE_KEY_FILE = "bundle-signing-key.pem";
const AUDIT_KEY_FILE = "audit-signing-key.pem";
const WEBHOOK_KEY_FILE = "webhook-signing-key.pem";
const LAST_KEYS_FILE = "current-keys.json";

/**
 * The signing keys: the given bundle key (PEM, or a path to it) or that of the data directory, and the audit and webhook keys of the
 * data directory. A new directory gets new keys; in an existing one a missing key is not replaced, because runtimes trust it.
 *
 * A missing or malformed bundle key does not stop the server: reads and watches work, publishing fails with `signing_failed`
 * (docs/api.md). The audit key is required: throws `signing_failed` without it.
 */
export function openSigningKeys(directory: string, given: string | null, isNew: boolean): SigningKeys {
  const audit = createNodeSigner(readOrCreate(join(directory, AUDIT_KEY_FILE), isNew));
  // Directories of the first release have none; a lost one is replaced, because subscribers read the current one from GET /v1/keys.
  const webhookPem = readOrCreate(join(directory, WEBHOOK_KEY_FILE), true);
  const webhooks = createNodeSigner(webhookPem);
  const derivedWebhooks = createDerivedKeys("webhooks", parsePrivateKey(webhookPem));
  const common = { audit, webhooks };
  const deriver = (derivedBundles: DerivedKeys) => (purpose: OwnedPurpose, owner: KeyOwner) =>
    (purpose === "bundles" ? derivedBundles : derivedWebhooks).of(owner);
  try {
    const pem = given === null ? readOrCreate(join(directory, BUNDLE_KEY_FILE), isNew) : givenPem(given);
    const bundles = createNodeSigner(pem);
    if ([audit.keyId, webhooks.keyId].includes(bundles.keyId)) {
      throw new AppError("signing_failed", "the bundle signing key must not be the audit's or the webhooks' key");
    }
    const derive = deriver(createDerivedKeys("bundles", parsePrivateKey(pem)));
    return { ...common, bundles, problem: null, lastBundlesPem: null, derive };
  } catch (thrown) {
    const problem = thrown instanceof Error ? thrown.message : String(thrown);
    const bundles = unusableSigner(problem);
    const lastBundlesPem = openLastKeys(directory).pems?.bundles ?? null;
    return { ...common, bundles, problem, lastBundlesPem, derive: deriver({ of: () => bundles }) };
  }
}

/** Reads the public keys of the last start, in the data directory. Throws `signing_failed` if they are malformed. */
export function openLastKeys(directory: string): LastKeys {
  const path = join(directory, LAST_KEYS_FILE);
  const text = readSecretFile(path);
  return {
    pems: text === null ? null : parseLastKeys(path, text),
    remember: (pems) => {
      const now = `${JSON.stringify(pems, null, 2)}\n`;
      if (now !== text) writeSecretFile(path, now);
    },
  };
}

function parseLastKeys(path: string, text: string): LastKeys["pems"] {
  try {
    const pems = JSON.parse(text) as Record<string, string>;
    for (const pem of Object.values(pems)) parsePublicKey(pem);
    return pems;
  } catch (cause) {
    throw new AppError("signing_failed", `${path} does not contain public keys as Signet writes them`, { cause });
  }
}

function readOrCreate(path: string, mayCreate: boolean): string {
  const kept = readSecretFile(path);
  if (kept !== null) return kept;
  if (!mayCreate) throw new AppError("signing_failed", `the signing key ${path} is missing`);
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  writeSecretFile(path, pem);
  return pem;
}

/** The PEM of a given key, which is a PEM or the path of one. Throws `signing_failed` if it cannot be read. */
export function givenPem(given: string): string {
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
