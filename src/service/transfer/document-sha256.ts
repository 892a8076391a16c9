import { createHash, webcrypto } from "node:crypto";

/** Documents of at most this many bytes are hashed on the event loop. */
const MAX_INLINE_BYTES = 64 * 1024;

/** The SHA-256 of a document, lower-case hex. A large one is hashed in a thread of Node's own. */
export async function documentSha256(bytes: Buffer<ArrayBuffer>): Promise<string> {
  if (bytes.length <= MAX_INLINE_BYTES) return createHash("sha256").update(bytes).digest("hex");
  return Buffer.from(await webcrypto.subtle.digest("SHA-256", bytes)).toString("hex");
}
