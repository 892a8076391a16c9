import { createHash } from "node:crypto";
import { formatEnvelope, type Envelope, type EnvelopeSignature } from "../../bundle/envelope/dsse.js";
import { boundedEnvelope, MAX_ENVELOPE_LENGTH, MAX_SIGNATURES } from "../../bundle/trust/threshold.js";
import { TrustError } from "../../bundle/trust/trust-error.js";
import { invalidField } from "../../core/error.js";

/** An envelope of a request, of which nothing is verified yet. */
export interface GivenEnvelope extends Envelope {
  /** SHA-256 of the payload, 64 hex digits. */
  readonly digest: string;
}

/**
 * Parses an envelope of a request.
 *
 * @throws AppError `invalid` about `field` for another text or payloadType, and for one that is too large
 */
export function givenEnvelope(text: string, payloadType: string, field: string): GivenEnvelope {
  const envelope = explained(field, () => boundedEnvelope(text));
  if (envelope.payloadType !== payloadType)
    throw invalidField([field], `must be an envelope with the payloadType ${payloadType}`, "wrong_type");
  return { ...envelope, digest: createHash("sha256").update(envelope.payload).digest("hex") };
}

/** What `parse` returns; a TrustError becomes an `invalid` error about `field`, of the same type. */
export function explained<T>(field: string, parse: () => T): T {
  try {
    return parse();
  } catch (thrown) {
    if (thrown instanceof TrustError) throw invalidField([field], thrown.message, thrown.code);
    throw thrown;
  }
}

/**
 * The text of an envelope with these signatures, one for each key id.
 *
 * @throws AppError `invalid` about `field` when there are too many
 */
export function withSignatures(
  { payloadType, payload }: Pick<Envelope, "payloadType" | "payload">,
  signatures: readonly EnvelopeSignature[],
  field: string,
): string {
  const byKey = new Map(signatures.map((it) => [it.keyid, it]));
  const text = formatEnvelope({ payloadType, payload, signatures: [...byKey.values()] });
  if (byKey.size > MAX_SIGNATURES || text.length > MAX_ENVELOPE_LENGTH)
    throw invalidField([field], "has too many signatures, with those that are kept already", "too_large");
  return text;
}
