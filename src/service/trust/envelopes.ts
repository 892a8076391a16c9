import { createHash } from "node:crypto";
import { envelopeMessage, formatEnvelope, type Envelope, type EnvelopeSignature } from "../../bundle/envelope/dsse.js";
import type { PublicKey } from "../../bundle/keys.js";
import type { Verifier } from "../../bundle/signer.js";
import { boundedEnvelope, MAX_ENVELOPE_LENGTH, MAX_SIGNATURES } from "../../bundle/trust/threshold.js";
import { TrustError } from "../../bundle/trust/trust-error.js";
import { invalidField } from "../../core/error.js";

/** Signatures that are tried with keys which they do not name: some 0.1 s of work at most, which a caller chooses. */
const MAX_GUESSES = 1024;

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
 * The signatures of an envelope that verify by one of these keys, one for each key and under its own id, in the order of the keys. A
 * `keyid` is a hint: a signature that does not verify by the key which it names is tried with the others.
 *
 * @param keys by id
 * @throws AppError `invalid` about `field` when too many would have to be tried
 */
export async function givenSignatures(
  envelope: Envelope,
  keys: ReadonlyMap<string, PublicKey>,
  verifier: Verifier,
  field: string,
): Promise<readonly EnvelopeSignature[]> {
  const { good, others, verifies } = await bySigners(envelope, keys, verifier);
  const open = [...keys].filter(([keyid]) => !good.has(keyid));
  if (others.length * open.length > MAX_GUESSES) {
    const message = `has ${others.length} signatures whose keyid is not that of a key that may sign it`;
    throw invalidField([field], message, "too_large");
  }
  for (const [keyid, key] of open) {
    for (const sig of others) {
      if (!(await verifies(key, sig))) continue;
      good.set(keyid, sig);
      break;
    }
  }
  return [...keys.keys()].flatMap((keyid) => {
    const sig = good.get(keyid);
    return sig === undefined ? [] : [{ keyid, sig }];
  });
}

/** The ids of those of these keys that signed an envelope which is kept: each signature of it is under the id of its key. */
export async function keptSigners(
  envelope: Envelope,
  keys: ReadonlyMap<string, PublicKey>,
  verifier: Verifier,
): Promise<ReadonlySet<string>> {
  return new Set((await bySigners(envelope, keys, verifier)).good.keys());
}

/** The signatures of the keys that they name, and all others. */
async function bySigners(
  { payloadType, payload, signatures }: Envelope,
  keys: ReadonlyMap<string, PublicKey>,
  verifier: Verifier,
) {
  const message = envelopeMessage(payloadType, payload);
  const verifies = async (key: PublicKey, sig: Uint8Array) => await verifier.verify(key.bytes, message, sig);
  const good = new Map<string, Uint8Array>();
  const others: Uint8Array[] = [];
  for (const { keyid, sig } of signatures) {
    const key = good.has(keyid) ? undefined : keys.get(keyid);
    if (key !== undefined && (await verifies(key, sig))) good.set(keyid, sig);
    else others.push(sig);
  }
  return { good, others, verifies };
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
