import { AppError } from "../../core/error.js";
import { scanStrictJson } from "../strict-json.js";
import { MAX_ENVELOPE_LENGTH } from "./threshold.js";
import { TrustError } from "./trust-error.js";

/** What travels beside a bundle: the envelopes, each as its JSON text, of which nothing is verified yet. */
export interface Attestation {
  readonly lease: string | null;
  readonly activation: string | null;
  readonly release: string | null;
  /** A tlog-proof of the audit log, on request. */
  readonly proof: string | null;
}

/** The longest text of an attestation, in UTF-16 units: three envelopes and a proof. */
export const MAX_ATTESTATION_LENGTH = 4 * MAX_ENVELOPE_LENGTH + 1024;

/** The JSON text of an attestation, with all of its members. */
export function formatAttestation({ lease, activation, release, proof }: Attestation): string {
  return `{"lease":${lease},"activation":${activation},"release":${release},"proof":${JSON.stringify(proof)}}`;
}

/** The JSON text of an attestation that renews another one: a lease and nothing else, as in heartbeats. */
export function formatRenewal(lease: string): string {
  return `{"lease":${lease}}`;
}

/**
 * Splits the JSON text of an attestation. What is missing is null; unknown fields are ignored.
 *
 * @throws TrustError `too_large` or `malformed`
 */
export function parseAttestation(text: string): Attestation {
  if (text.length > MAX_ATTESTATION_LENGTH) {
    throw new TrustError("too_large", `the attestation is longer than ${MAX_ATTESTATION_LENGTH} characters`);
  }
  const spans = spansOf(text);
  const valueOf = (field: string): string | null => {
    const span = spans.get(field);
    const value = span === undefined ? "null" : text.slice(span.start, span.end).trim();
    return value === "null" ? null : value;
  };
  const envelopeOf = (field: string): string | null => {
    const value = valueOf(field);
    if (value !== null && !value.startsWith("{")) throw new TrustError("malformed", `${field} must be an envelope`);
    return value;
  };
  const proof = valueOf("proof");
  if (proof !== null && !proof.startsWith('"')) throw new TrustError("malformed", "proof must be a text");
  return {
    lease: envelopeOf("lease"),
    activation: envelopeOf("activation"),
    release: envelopeOf("release"),
    proof: proof === null ? null : (JSON.parse(proof) as string),
  };
}

function spansOf(text: string) {
  try {
    const { kind, spans } = scanStrictJson(text, { maxDepth: 8, base: ["attestation"] });
    if (kind === "object") return spans;
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    throw new TrustError("malformed", "the attestation is not strict JSON", { cause });
  }
  throw new TrustError("malformed", "the attestation is not a JSON object");
}
