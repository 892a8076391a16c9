import { createHmac } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { encodeBase64 } from "../bundle/base64.js";
import type { Signer } from "../bundle/signer.js";

/** A message and its signer. */
export interface SignedMessage {
  /** The same at every try. Letters, digits, `_` and `-`: a dot would let one message pass for another. */
  readonly eventId: string;
  /** When this try is made. */
  readonly timestampSeconds: number;
  readonly body: string;
  /** The current secret first, then those whose grace time is not over; empty for a webhook without one. */
  readonly secrets: readonly string[];
  /** The webhooks' own key. */
  readonly signer: Signer | null;
}

/**
 * The headers that sign a message: `webhook-id`, `webhook-timestamp` and `webhook-signature` of the Standard Webhooks specification,
 * with a `v1` (HMAC-SHA256) for each secret and a `v1a` (Ed25519) for the key; and, as Znyx has it, `x-webhook-signature`:
 * `sha256=` and the HMAC-SHA256 of the body in hex, keyed by the current secret's text with its `whsec_`.
 */
export async function signatureHeaders(message: SignedMessage): Promise<Record<string, string>> {
  const { eventId, timestampSeconds, body, secrets, signer } = message;
  if (!/^[A-Za-z0-9_-]+$/.test(eventId)) throw new TypeError(`"${eventId}" cannot be the id of a signed message`);
  const at = new Date(timestampSeconds * 1000);
  const signatures = secrets.map((secret) => new Webhook(secret).sign(eventId, at, body));
  if (signer !== null) {
    const signed = await signer.sign(Buffer.from(`${eventId}.${timestampSeconds}.${body}`, "utf8"));
    signatures.push(`v1a,${encodeBase64(signed)}`);
  }
  const headers: Record<string, string> = { "webhook-id": eventId, "webhook-timestamp": String(timestampSeconds) };
  if (signatures.length > 0) headers["webhook-signature"] = signatures.join(" ");
  const [current] = secrets;
  if (current !== undefined) {
    headers["x-webhook-signature"] = `sha256=${createHmac("sha256", current).update(body, "utf8").digest("hex")}`;
  }
  return headers;
}
