import { join } from "node:path";
import { parsePrivateKey } from "../../bundle/keys.js";
import { createEs256Key } from "../../bundle/opa/es256.js";
import type { Signer } from "../../bundle/signer.js";
import { AppError } from "../../core/error.js";
import type { KeyOwner, KeyPurpose } from "../../core/key.js";
import type { Reader, Writer } from "../../store/store.js";
import {
  ATTESTATION_KEY_FILE,
  BUNDLE_KEY_FILE,
  FileRotatedKey,
  readOrCreateKey,
  type RotatedKey,
} from "./rotated-key.js";
import { createDerivedKeys } from "./derived-keys.js";
import { createNodeSigner } from "./ed25519-node.js";
import { publicKeyFor, signerFor } from "./key-kinds.js";
import { readSecretFile, writeSecretFile } from "./secret-file.js";

/** The purposes for which organizations can have their own keys. */
export type OwnedPurpose = Exclude<KeyPurpose, "audit" | "attestation" | "opa">;

/** The keys of a data directory, as signers. */
export interface SigningKeys {
  /** The server's own key, also that of the operator's organization. Another one after its rotation. */
  readonly bundles: Signer;
  readonly audit: Signer;
  readonly webhooks: Signer;
  /** Signs activations and leases. Another one after its rotation. */
  readonly attestation: Signer;
  /** Signs the archives for OPA: ES256. */
  readonly opa: Signer;
  /** Why bundles cannot be signed; null if they can. */
  readonly problem: string | null;
  /** The public bundle key of the last start, PEM, while the private one is unusable: its endorsements still count. */
  readonly lastBundlesPem: string | null;
  /** The key behind `bundles`, for its rotation. */
  readonly bundleKey: RotatedKey;
  /** The key behind `attestation`, likewise. */
  readonly attestationKey: RotatedKey;
  /** Null where this process alone has the keys. */
  readonly shared: SharedKeySet | null;
  /** The key of an organization or an environment. It cannot sign if the server's own key cannot. */
  derive(purpose: OwnedPurpose, owner: KeyOwner): Signer;
}

/**
 * Keys that several nodes share, as one of them has them in memory: another node may have changed them in the database a moment ago.
 * What uses them in a transaction asks there whether they are still the nodes' keys, since the transactions of all nodes are serial.
 */
export interface SharedKeySet {
  /** Whether a transaction found other keys in the database than those in memory. */
  readonly isStale: boolean;
  /** Reads the keys again if the database has others. Returns whether it had. Throws what reading throws. */
  refresh(): Promise<boolean>;
  /** Whether the current bundle key of the database is the one in memory; with `next` the announced key too. */
  areCurrent(tx: Pick<Reader, "sealedKeyIds">, also?: "next"): Promise<boolean>;
  /** Throws `conflict` (`key_changed`) unless areCurrent, with `next`. */
  requireCurrent(tx: Pick<Reader, "sealedKeyIds">): Promise<void>;
  /** Why new keys cannot be derived from the next key: another node announced one that this one does not have. Null if they can. */
  readonly nextProblem: string | null;
  /** Stores what this start brought: a key that a setting gives. Throws `conflict` if the keys were changed since they were opened. */
  adoptIn(tx: Writer): Promise<void>;
}

/** What verifying needs of the keys. */
export type VerifyingKeys = Pick<SigningKeys, KeyPurpose | "problem" | "lastBundlesPem"> & {
  readonly shared: Pick<SharedKeySet, "refresh"> | null;
};

/** The server's public keys at its last start, PEM by purpose; kept outside of the database, so that changing it has no effect here. */
export interface LastKeys {
  /** Null before the first start that wrote them. */
  readonly pems: Partial<Readonly<Record<KeyPurpose, string>>> | null;
  /** Replaces them. */
  remember(pems: Partial<Readonly<Record<KeyPurpose, string>>>): void;
}

const AUDIT_KEY_FILE = "audit-signing-key.pem";
const OPA_KEY_FILE = "opa-signing-key.pem";
const WEBHOOK_KEY_FILE = "webhook-signing-key.pem";
/** The files of a data directory with the server's private keys. */
export const KEY_FILE_OF: Readonly<Record<KeyPurpose, string>> = {
  bundles: BUNDLE_KEY_FILE,
  audit: AUDIT_KEY_FILE,
  webhooks: WEBHOOK_KEY_FILE,
  attestation: ATTESTATION_KEY_FILE,
  opa: OPA_KEY_FILE,
};
const LAST_KEYS_FILE = "current-keys.json";

/**
 * The signing keys: the given bundle keys (PEM, or a path to it) or those of the data directory, and the audit, webhook, attestation and
 * OPA keys of the data directory. A new directory gets new keys; in an existing one a missing key is not replaced, because runtimes trust it.
 *
 * A missing or malformed bundle key does not stop the server: reads and watches work, publishing fails with `signing_failed`
 * (docs/api.md). The audit key and, once there was one, the attestation key and that for OPA are
 * required: throws `signing_failed` without them.
 */
export function openSigningKeys(
  directory: string,
  given: string | null,
  isNew: boolean,
  givenNext: string | null = null,
): SigningKeys {
  const audit = createNodeSigner(readOrCreateKey(join(directory, AUDIT_KEY_FILE), isNew));
  // Directories of the first release have none; a lost one is replaced, because subscribers read the current one from GET /v1/keys.
  const webhookPem = readOrCreateKey(join(directory, WEBHOOK_KEY_FILE), true);
  const webhooks = createNodeSigner(webhookPem);
  const derivedWebhooks = createDerivedKeys("webhooks", parsePrivateKey(webhookPem));
  const lastPems = openLastKeys(directory).pems;
  // Directories of earlier releases have none. A lost one is not replaced: the root documents of runtimes name it.
  const attestationKey = new FileRotatedKey({
    ...{ purpose: "attestation", directory, given: null, givenNext: null },
    isNew: isNew || lastPems?.attestation === undefined,
    otherKeyIds: [audit.keyId, webhooks.keyId],
  });
  // Likewise: the configurations of OPAs have it.
  const opaPem = readOrCreateKey(join(directory, OPA_KEY_FILE), isNew || lastPems?.opa === undefined, createEs256Key);
  const opa = signerFor("opa", opaPem);
  if (attestationKey.problem !== null) throw new AppError("signing_failed", attestationKey.problem);
  const bundleKey = new FileRotatedKey({
    purpose: "bundles",
    directory,
    given,
    givenNext,
    isNew,
    otherKeyIds: [audit.keyId, webhooks.keyId, attestationKey.current.keyId],
  });
  const { problem } = bundleKey;
  return {
    ...{ audit, webhooks, opa, bundleKey, attestationKey, problem, shared: null },
    get attestation() {
      return attestationKey.current;
    },
    get bundles() {
      return bundleKey.current;
    },
    lastBundlesPem: problem === null ? null : (lastPems?.bundles ?? null),
    derive: (purpose, owner) => (purpose === "bundles" ? bundleKey.derive(owner) : derivedWebhooks.of(owner)),
  };
}

/** Reads the public keys of the last start, in the data directory. Throws `signing_failed` if they are malformed. */
export function openLastKeys(directory: string): LastKeys {
  const path = join(directory, LAST_KEYS_FILE);
  const text = readSecretFile(path);
  let written = text;
  return {
    pems: text === null ? null : parseLastKeys(path, text),
    remember: (pems) => {
      const now = `${JSON.stringify(pems, null, 2)}\n`;
      if (now !== written) writeSecretFile(path, now);
      written = now;
    },
  };
}

function parseLastKeys(path: string, text: string): LastKeys["pems"] {
  try {
    const pems = JSON.parse(text) as Record<KeyPurpose, string>;
    for (const [purpose, pem] of Object.entries(pems)) publicKeyFor(purpose as KeyPurpose, pem);
    return pems;
  } catch (cause) {
    throw new AppError("signing_failed", `${path} does not contain public keys as Signet writes them`, { cause });
  }
}
