import { encodeBase64 } from "../../bundle/base64.js";
import { nobleVerifier } from "../../bundle/ed25519-noble.js";
import { envelopeKeyId, envelopeMessage, formatEnvelope, type EnvelopeSignature } from "../../bundle/envelope/dsse.js";
import type { PublicKey } from "../../bundle/keys.js";
import { boundedEnvelope, MAX_SIGNATURES } from "../../bundle/trust/threshold.js";
import { CheckFailedError, InputError } from "../shell/cli-error.js";

/** An envelope that nobody signed yet, as JSON text. */
export function unsignedEnvelope(payloadType: string, payload: Uint8Array): string {
  return formatEnvelope({ payloadType, payload, signatures: [] });
}

/** The bytes that a device signs for an envelope: DSSE's message, Ed25519 without a hash before it. Throws TrustError. */
export function messageOf(envelope: string): Uint8Array {
  const { payloadType, payload } = boundedEnvelope(envelope);
  return envelopeMessage(payloadType, payload);
}

/**
 * An envelope with the signatures of another copy too. Throws InputError when the copy has another payload, TrustError for what is no
 * envelope.
 */
export function mergedSignatures(envelope: string, other: string): string {
  const [ours, theirs] = [boundedEnvelope(envelope), boundedEnvelope(other)];
  const isSame = ours.payloadType === theirs.payloadType && Buffer.compare(ours.payload, theirs.payload) === 0;
  if (!isSame)
    throw new InputError("the two files do not say the same: only signatures over the same payload can be added");
  return withSignatures(envelope, theirs.signatures);
}

/** An envelope with a signature that a device made. Throws CheckFailedError when it is not the key's, over this payload. */
export async function withDeviceSignature(envelope: string, key: PublicKey, sig: Uint8Array): Promise<string> {
  if (!(await nobleVerifier.verify(key.bytes, messageOf(envelope), sig))) {
    throw new CheckFailedError("bad_signature", `the signature is not one of key ${key.keyId} over this file`);
  }
  return withSignatures(envelope, [{ keyid: envelopeKeyId(key), sig }]);
}

function withSignatures(envelope: string, added: readonly EnvelopeSignature[]): string {
  const { payloadType, payload, signatures } = boundedEnvelope(envelope);
  const all = new Map([...signatures, ...added].map((it) => [`${it.keyid} ${encodeBase64(it.sig)}`, it]));
  if (all.size > MAX_SIGNATURES) throw new InputError(`an envelope has at most ${MAX_SIGNATURES} signatures`);
  return formatEnvelope({ payloadType, payload, signatures: [...all.values()] });
}
