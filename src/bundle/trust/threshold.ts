import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { parseEnvelope, signersOf, type Envelope } from "../envelope/dsse.js";
import type { PublicKey } from "../keys.js";
import type { Verifier } from "../signer.js";
import type { Signatories } from "./root.js";
import { orMalformed, TrustError } from "./trust-error.js";

/** The longest envelope, in UTF-16 units of its JSON text. */
export const MAX_ENVELOPE_LENGTH = 64 * 1024;

/** The most signatures of an envelope. */
export const MAX_SIGNATURES = 32;

/**
 * The payload of an envelope that enough distinct keys signed; parse it only now. Signatures that do not verify are skipped.
 *
 * @param payloadType the wanted one; checked after the signatures, which cover it
 * @throws TrustError `too_large`, `malformed`, `bad_signature` or `wrong_type`
 */
export async function requireThreshold(
  envelopeText: string,
  payloadType: string,
  rule: Signatories,
  verifier: Verifier,
): Promise<Uint8Array> {
  const envelope = boundedEnvelope(envelopeText);
  // A role that nobody has to sign for has no threshold to meet: nothing is trusted by default.
  if (rule.threshold < 1) throw new TrustError("bad_signature", `no key may sign ${envelope.payloadType} here`);
  const signers = await signersOf(envelope, envelope.payloadType, rule.keys, verifier, rule.threshold);
  if (signers.length < rule.threshold) {
    const found = `${signers.length} of the ${rule.threshold} signatures that it needs`;
    throw new TrustError("bad_signature", `${envelope.payloadType} has ${found}`);
  }
  requireType(envelope, payloadType);
  return envelope.payload;
}

/**
 * The distinct keys of `keys` that signed an envelope, in their order.
 *
 * @throws TrustError `too_large`, `malformed` or `wrong_type`
 */
export async function signersIn(
  envelopeText: string,
  payloadType: string,
  keys: readonly PublicKey[],
  verifier: Verifier,
): Promise<readonly PublicKey[]> {
  const envelope = boundedEnvelope(envelopeText);
  requireType(envelope, payloadType);
  return await signersOf(envelope, payloadType, keys, verifier);
}

/**
 * The SHA-256 of an envelope's payload, 64 hex digits: its name in other objects, whoever signed it. Nothing is verified.
 *
 * @throws TrustError `too_large` or `malformed`
 */
export function payloadDigest(envelopeText: string): string {
  return digestOf(boundedEnvelope(envelopeText).payload);
}

/** The SHA-256 of a payload, 64 hex digits. */
export function digestOf(payload: Uint8Array): string {
  return bytesToHex(sha256(payload));
}

/**
 * An envelope within the caps, of which nothing is verified.
 *
 * @throws TrustError `too_large` or `malformed`
 */
export function boundedEnvelope(envelopeText: string): Envelope {
  if (envelopeText.length > MAX_ENVELOPE_LENGTH) {
    throw new TrustError("too_large", `the envelope is longer than ${MAX_ENVELOPE_LENGTH} characters`);
  }
  // Counted here, because a count above the cap has a code of its own.
  const envelope = orMalformed(() =>
    parseEnvelope(envelopeText, { maxLength: MAX_ENVELOPE_LENGTH, maxSignatures: MAX_ENVELOPE_LENGTH }),
  );
  if (envelope.signatures.length > MAX_SIGNATURES) {
    throw new TrustError("too_large", `the envelope has more than ${MAX_SIGNATURES} signatures`);
  }
  return envelope;
}

function requireType({ payloadType }: Envelope, wanted: string): void {
  if (payloadType !== wanted) throw new TrustError("wrong_type", `the payload is ${payloadType}, not ${wanted}`);
}
