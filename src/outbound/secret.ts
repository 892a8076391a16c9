import { createHash, randomBytes } from "node:crypto";
import { encodeBase64 } from "../bundle/base64.js";
import { invalidField } from "../core/error.js";

/** The Standard Webhooks specification asks for 24 to 64. */
const MIN_BYTES = 24;
const MAX_BYTES = 64;
const SECRET_BYTES = 32;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** A new secret: `whsec_` and 32 random bytes in base64, as the Standard Webhooks specification serializes them. */
export function createWebhookSecret(): string {
  return `whsec_${encodeBase64(randomBytes(SECRET_BYTES))}`;
}

/** Refuses a text that is no secret of the specification. Throws AppError `invalid`, without the text in it. */
export function checkWebhookSecret(text: string, field: string): void {
  const [, encoded = ""] = /^whsec_(.+)$/.exec(text.slice(0, 200)) ?? [];
  const { length } = Buffer.from(encoded, "base64");
  if (BASE64.test(encoded) && length >= MIN_BYTES && length <= MAX_BYTES) return;
  throw invalidField([field], `must be whsec_ and ${MIN_BYTES} to ${MAX_BYTES} bytes in base64`, "secret");
}

/** Names a secret without telling it: the first 16 hex digits of the SHA-256 of its text. */
export function secretFingerprint(secret: string): string {
  return createHash("sha256").update(secret, "utf8").digest("hex").slice(0, 16);
}
