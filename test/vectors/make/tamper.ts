import { payloadDigest } from "../../../src/bundle/trust/threshold.js";
import { sign } from "./objects.js";
import type { VectorKey } from "./keys.js";

/** An envelope as JSON. */
export interface EnvelopeJson {
  payload: string;
  payloadType: string;
  signatures: { keyid?: string; sig: string }[];
}

/** The envelope after a change of its JSON. */
export function tampered(envelope: string, change: (json: EnvelopeJson) => void): string {
  const json = JSON.parse(envelope) as EnvelopeJson;
  change(json);
  return JSON.stringify(json);
}

/** The envelope with one bit of its payload flipped, in the middle. */
export function flippedPayload(envelope: string): string {
  return tampered(envelope, (json) => {
    json.payload = flipped(json.payload);
  });
}

/** The envelope with one bit of its first signature flipped. */
export function flippedSignature(envelope: string): string {
  return tampered(envelope, ({ signatures: [first] }) => {
    if (first !== undefined) first.sig = flipped(first.sig);
  });
}

/** The payload as text. */
export function payloadText(envelope: string): string {
  return Buffer.from((JSON.parse(envelope) as EnvelopeJson).payload, "base64").toString();
}

/** The envelope with another payload, signed anew. */
export async function resigned(
  envelope: string,
  change: (text: string) => string,
  by: readonly VectorKey[],
): Promise<string> {
  const { payloadType } = JSON.parse(envelope) as EnvelopeJson;
  const [before, text] = [payloadText(envelope), change(payloadText(envelope))];
  if (text === before) throw new Error("the change changes nothing");
  return await sign(payloadType, text, by);
}

export { payloadDigest };

function flipped(base64: string): string {
  const bytes = Buffer.from(base64, "base64");
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  return bytes.toString("base64");
}
