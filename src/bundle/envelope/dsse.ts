import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes } from "@noble/hashes/utils.js";
import { AppError } from "../../core/error.js";
import { decodeAnyBase64, encodeBase64 } from "../base64.js";
import { spkiOf, type PublicKey } from "../keys.js";
import type { Signer, Verifier } from "../signer.js";
import { scanStrictJson } from "../strict-json.js";
import { VerificationError } from "../verification-error.js";

/** The allowed size of an envelope. */
export interface EnvelopeBounds {
  /** Of the text, in UTF-16 units. */
  readonly maxLength: number;
  /** Together with the number of trusted keys it bounds the work of {@link signersOf}. */
  readonly maxSignatures: number;
}

/** A parsed envelope, of which nothing is verified yet. */
export interface Envelope {
  readonly payloadType: string;
  /** The bytes that the signatures cover; parse them only after {@link signersOf}. */
  readonly payload: Uint8Array;
  readonly signatures: readonly EnvelopeSignature[];
}

/** One signature of an envelope. */
export interface EnvelopeSignature {
  /** A hint, which decides nothing. */
  readonly keyid: string;
  readonly sig: Uint8Array;
}

/**
 * The signed message of a DSSE 1.0.2 envelope: `DSSEv1 <length of type> <type> <length of payload> <payload>`, decimal lengths in bytes,
 * single spaces. No other message that Signet signs begins so.
 */
export function envelopeMessage(payloadType: string, payload: Uint8Array): Uint8Array {
  const encoder = new TextEncoder();
  const type = encoder.encode(payloadType);
  const head = encoder.encode(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `);
  return concatBytes(head, payload);
}

/**
 * Signs a payload: the envelope as JSON text with one signature, whose `keyid` is the hex SHA-256 of the key's SubjectPublicKeyInfo.
 *
 * @param key the public half of the signer
 * @throws AppError `signing_failed` if the signer fails or does not return 64 bytes
 */
export async function signEnvelope(
  payloadType: string,
  payload: Uint8Array,
  signer: Signer,
  key: PublicKey,
): Promise<string> {
  const signature = await signatureBy(signer, key, envelopeMessage(payloadType, payload));
  return formatEnvelope({ payloadType, payload, signatures: [signature] });
}

/**
 * The envelope with one more signature over the same payload, as JSON text. The signatures that it has are kept as they are and not
 * verified; one by the same key is replaced.
 *
 * @param key the public half of the signer
 * @param bounds of the given envelope and of the result
 * @throws VerificationError `malformed` for another text, or one that exceeds the bounds
 * @throws AppError `signing_failed` if the signer fails or does not return 64 bytes
 */
export async function addSignature(
  envelopeText: string,
  signer: Signer,
  key: PublicKey,
  bounds: EnvelopeBounds = { maxLength: 64 * 1024, maxSignatures: 32 },
): Promise<string> {
  const { payloadType, payload, signatures } = parseEnvelope(envelopeText, bounds);
  const added = await signatureBy(signer, key, envelopeMessage(payloadType, payload));
  const kept = signatures.filter(({ keyid }) => keyid !== added.keyid);
  const text = formatEnvelope({ payloadType, payload, signatures: [...kept, added] });
  if (kept.length + 1 > bounds.maxSignatures || text.length > bounds.maxLength) {
    throw malformed("the envelope has no room for one more signature");
  }
  return text;
}

/** An envelope as JSON text, in standard base64. Checks nothing. */
export function formatEnvelope({ payloadType, payload, signatures }: Envelope): string {
  return JSON.stringify({
    payload: encodeBase64(payload),
    payloadType,
    signatures: signatures.map(({ keyid, sig }) => ({ keyid, sig: encodeBase64(sig) })),
  });
}

/** The `keyid` of a key in envelopes: 64 hex digits, of which the first 16 are its key id. */
export function envelopeKeyId(key: PublicKey): string {
  return bytesToHex(sha256(spkiOf(key)));
}

/**
 * Parses an envelope and verifies nothing. Accepts standard and URL-safe base64.
 *
 * @throws VerificationError `malformed` for another text, or one that exceeds the bounds
 */
export function parseEnvelope(text: string, { maxLength, maxSignatures }: EnvelopeBounds): Envelope {
  if (text.length > maxLength) throw malformed(`the envelope is longer than ${maxLength} characters`);
  const { payload, payloadType, signatures } = parsed(text);
  if (typeof payloadType !== "string" || typeof payload !== "string" || !Array.isArray(signatures)) {
    throw malformed("an envelope has payload, payloadType and signatures");
  }
  if (signatures.length > maxSignatures) throw malformed(`the envelope has more than ${maxSignatures} signatures`);
  return { payloadType, payload: bytesOf(payload), signatures: signatures.map(signatureOf) };
}

/**
 * The distinct keys of `keys` that signed an envelope. Signatures that do not verify are skipped.
 *
 * @param enough how many keys end the search
 * @throws VerificationError `malformed` when the payload is of another type than `payloadType`
 */
export async function signersOf(
  envelope: Envelope,
  payloadType: string,
  keys: readonly PublicKey[],
  verifier: Verifier,
  enough = Infinity,
): Promise<readonly PublicKey[]> {
  if (envelope.payloadType !== payloadType) throw malformed(`the payload is not ${payloadType}`);
  return (await goodSignatures(envelope, keys, verifier, enough)).map(({ key }) => key);
}

/**
 * The signatures of an envelope that verify by one of `keys`, in the order of the keys: one for each distinct key, under the key's own id
 * whatever the envelope says.
 *
 * @param enough how many keys end the search
 */
export async function goodSignatures(
  { payloadType, payload, signatures }: Envelope,
  keys: readonly PublicKey[],
  verifier: Verifier,
  enough = Infinity,
): Promise<readonly (EnvelopeSignature & { readonly key: PublicKey })[]> {
  const message = envelopeMessage(payloadType, payload);
  const good = new Map<string, EnvelopeSignature & { readonly key: PublicKey }>();
  for (const key of keys) {
    if (good.size >= enough) break;
    const keyid = envelopeKeyId(key);
    if (good.has(keyid)) continue;
    for (const { sig } of hintedFirst(signatures, keyid)) {
      if (!(await verifier.verify(key.bytes, message, sig))) continue;
      good.set(keyid, { keyid, sig, key });
      break;
    }
  }
  return [...good.values()];
}

async function signatureBy(signer: Signer, key: PublicKey, message: Uint8Array): Promise<EnvelopeSignature> {
  const sig = await signer.sign(message).catch((cause: unknown) => {
    throw new AppError("signing_failed", "policy signing failed", { cause });
  });
  if (sig.length !== 64) throw new AppError("signing_failed", "policy signing failed");
  return { keyid: envelopeKeyId(key), sig };
}

/** The signatures, those that name the key first: the hint decides nothing but the order. */
function hintedFirst(signatures: readonly EnvelopeSignature[], keyid: string): readonly EnvelopeSignature[] {
  const isHinted = (signature: EnvelopeSignature) => signature.keyid === keyid;
  return [...signatures.filter(isHinted), ...signatures.filter((signature) => !isHinted(signature))];
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const { kind } = scanStrictJson(text, { maxDepth: 3, base: ["envelope"] });
    if (kind === "object") return JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new VerificationError("malformed", "the envelope is not strict JSON", { cause });
  }
  throw malformed("the envelope is not a JSON object");
}

function signatureOf(value: unknown): EnvelopeSignature {
  const { keyid = "", sig } = (value ?? {}) as { keyid?: unknown; sig?: unknown };
  if (typeof keyid !== "string" || typeof sig !== "string") throw malformed("a signature has keyid and sig");
  return { keyid, sig: bytesOf(sig) };
}

function bytesOf(base64: string): Uint8Array {
  const bytes = decodeAnyBase64(base64);
  if (bytes === undefined) throw malformed("the envelope has invalid base64");
  return bytes;
}

function malformed(message: string): VerificationError {
  return new VerificationError("malformed", message);
}
