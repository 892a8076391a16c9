import { nobleVerifier } from "../../../bundle/ed25519-noble.js";
import type { PublicKey } from "../../../bundle/keys.js";
import { parseAttestation } from "../../../bundle/trust/attestation.js";
import { nameOfKey, pinnedRoot, ruleOf, type Root } from "../../../bundle/trust/root.js";
import { STATEMENT_TYPE } from "../../../bundle/trust/statement.js";
import { signersIn } from "../../../bundle/trust/threshold.js";
import { TrustError } from "../../../bundle/trust/trust-error.js";
import { portableSha256 } from "../../../bundle/trust/verify-state.js";
import { timeMs } from "../../../bundle/trust/trust-time.js";
import {
  requireReleased,
  verifyActivation,
  verifyLease,
  verifyPinnedRoot,
  verifyRelease,
  type Verification,
} from "../../../bundle/trust/verify-objects.js";
import { VerificationError, type VerificationReason } from "../../../bundle/verification-error.js";
import { verifyDocument, type ExpectedIdentity } from "../../../bundle/verify-bundle.js";

/** How a check came out; `skipped` was not made, because one before it failed or there was nothing to check. */
export type Outcome = "good" | "bad" | "skipped";

/** One check, in words. */
export interface Check {
  readonly name: string;
  readonly outcome: Outcome;
  readonly text: string;
}

/** What is verified. */
export interface Evidence {
  /** As it was served, to the byte. */
  readonly document: string;
  /** Keys that may have signed it. */
  readonly keys: readonly PublicKey[];
  readonly expected: Required<ExpectedIdentity>;
  /** The attestation of its newest activation; null when it was never active or none can be had. */
  readonly attestation: string | null;
  /** Keys for activations and leases, where the project has no root. */
  readonly attestationKeys: readonly PublicKey[];
  /** The envelope of the project's newest root; null without one. */
  readonly root: string | null;
  readonly nowMs: number;
}

/** What came of it. */
export interface Report {
  readonly checks: readonly Check[];
  /** None is bad. */
  readonly isGood: boolean;
  /** The key that signed the document, when its signature verified. */
  readonly keyId: string | undefined;
}

/** The checks of a document, in their order, each with the refusals that end there. */
const DOCUMENT_CHECKS: readonly (readonly [name: string, good: string, reasons: readonly VerificationReason[]])[] = [
  ["Form", "strict JSON of bundle format 1", ["malformed", "format"]],
  ["Content", "its SHA-256 is the policy hash in the document", ["hash"]],
  ["Signature", "over the policy hash", ["signature_missing", "unknown_key", "signature"]],
  ["Identity signature", "over content, environment, project and time", ["signature_v2_missing", "signature_v2"]],
  ["Identity", "of this organization, project and environment", ["identity"]],
];

/** Checks a document and what attests it, with the code that runtimes use. Rejects only for a defect. */
export async function verifyHere(evidence: Evidence): Promise<Report> {
  const document = await checkDocument(evidence);
  const isDocumentGood = document.checks.every(({ outcome }) => outcome === "good");
  const rest = isDocumentGood ? await checkAttestation(evidence) : [];
  const checks = [...document.checks, ...rest];
  return { checks, isGood: checks.every(({ outcome }) => outcome !== "bad"), keyId: document.keyId };
}

async function checkDocument({ document, keys, expected }: Evidence) {
  try {
    const { keyId } = await verifyDocument(document, keys, expected);
    const checks = DOCUMENT_CHECKS.map(([name, text]): Check => ({ name, outcome: "good", text }));
    return { checks, keyId };
  } catch (thrown) {
    if (!(thrown instanceof VerificationError)) throw thrown;
    const failed = DOCUMENT_CHECKS.findIndex(([, , reasons]) => reasons.includes(thrown.reason));
    const checks = DOCUMENT_CHECKS.map(([name, text], index): Check => {
      if (index < failed) return { name, outcome: "good", text };
      return index === failed
        ? { name, outcome: "bad", text: thrown.message }
        : { name, outcome: "skipped", text: "not checked" };
    });
    return { checks, keyId: undefined };
  }
}

async function checkAttestation(evidence: Evidence): Promise<readonly Check[]> {
  const { attestation, root: rootEnvelope, attestationKeys, expected, document, nowMs } = evidence;
  if (attestation === null) {
    return [
      { name: "Activation", outcome: "skipped", text: "no attestation: it was never active, or none can be made" },
    ];
  }
  const checks: Check[] = [];
  const add = (name: string, text: string) => checks.push({ name, outcome: "good", text });
  let step = rootEnvelope === null ? "Activation" : "Root";
  try {
    let root: Root = pinnedRoot(attestationKeys);
    if (rootEnvelope !== null) {
      root = await verifyPinnedRoot(rootEnvelope, expected, nobleVerifier);
      add("Root", `root ${root.version} of the project, signed by a threshold of its own keys`);
    }
    const verification: Verification = { root, identity: expected, verifier: nobleVerifier };
    const { activation, lease, release } = parseAttestation(attestation);
    step = "Activation";
    if (activation === null) throw new TrustError("malformed", "there is no activation in the attestation");
    const attested = await verifyActivation(activation, verification);
    const bytes = new TextEncoder().encode(document);
    if (attested.value.document !== portableSha256(bytes)) {
      throw new TrustError("digest_mismatch", "the activation names another document");
    }
    add("Activation", `sequence ${attested.value.sequence} names this document, made ${attested.value.activatedAt}`);
    step = "Release";
    const asked = ruleOf(root, "release", expected.environment);
    if (asked.threshold > 0) {
      if (release === null) throw new TrustError("release_missing", "the root asks for a release, and there is none");
      const { value } = await verifyRelease(release, verification);
      requireReleased(value, attested.value, expected.environment);
      const signers = await signersIn(release, STATEMENT_TYPE, asked.keys, nobleVerifier);
      add("Release", `number ${value.number}, signed by ${namesOf(root, signers)}: ${asked.threshold} had to`);
    }
    step = "Lease";
    if (lease === null) {
      checks.push({ name: "Lease", outcome: "skipped", text: "none: another version is active by now" });
      return checks;
    }
    const leased = await verifyLease(lease, verification);
    if (leased.value.activation !== attested.digest) {
      throw new TrustError("mix_and_match", "the lease is of another activation");
    }
    if (timeMs(leased.value.expiresAt) < nowMs) {
      // It was just read: rather this computer's clock is wrong than the server's.
      const text = `it ended ${leased.value.expiresAt} by this computer's clock: nothing says that it is still the newest`;
      return [...checks, { name: step, outcome: "skipped", text }];
    }
    add("Lease", `it is the newest activation, until ${leased.value.expiresAt}`);
    return checks;
  } catch (thrown) {
    if (!(thrown instanceof TrustError)) throw thrown;
    return [...checks, { name: step, outcome: "bad", text: thrown.message }];
  }
}

/** What the root calls the keys; their ids where it has no name. */
function namesOf(root: Root, signers: readonly PublicKey[]): string {
  const ids = new Map([...root.keys].map(([id, key]) => [key.keyId, id]));
  return signers.map(({ keyId }) => nameOfKey(root, ids.get(keyId) ?? "") ?? keyId).join(", ");
}
