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

/** What organizations have keys of their own for. */
export type OwnedPurpose = Exclude<KeyPurpose, "audit">;

/** The keys of a data directory, as signers. */
export interface SigningKeys {
  /** The server's own, which is the first organization's. */
  readonly bundles: Signer;
  readonly audit: Signer;
  readonly webhooks: Signer;
  /** Why bundles cannot be signed; null when they can. */
  readonly problem: string | null;
  /** The public bundle key of the last start, PEM, while the private one cannot be used: what it vouched for is still good. */
  readonly lastBundlesPem: string | null;
  /** The key of an organization or an environment. One that cannot sign when the server's own cannot. */
  derive(purpose: OwnedPurpose, owner: KeyOwner): Signer;
}

/** The server's public keys when it was last started, PEM by purpose: what is changed in the database cannot change this. */
export interface LastKeys {
  /** Null when no start has written them yet. */
  readonly pems: Partial<Readonly<Record<KeyPurpose, string>>> | null;
  /** Keeps those of now. */
  remember(pems: Partial<Readonly<Record<KeyPurpose, string>>>): void;
}

const BUNDLE_KEY_FILE = "bundle-signing-key.pem";
const AUDIT_KEY_FILE = "audit-signing-key.pem";
const WEBHOOK_KEY_FILE = "webhook-signing-key.pem";
const LAST_KEYS_FILE = "current-keys.json";

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

/** Reads the public keys that the last start kept beside the private ones. Throws `signing_failed` when they cannot be read. */
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
