/** The field of an activating event's metadata that names the activation: the hex SHA-256 of its DSSE payload. */
export const ACTIVATION_DIGEST = "activation_sha256";

/**
 * The data of a leaf: the hash of an event (audit-chain.ts), and the activation that it made. Three lines, each ended by a line feed:
 * `signet-audit-leaf/1`, the event's hash, and the hex SHA-256 of the activation's payload or `-`.
 *
 * @param eventHash `sha256:` and 64 hex digits
 * @param activation 64 hex digits; null for an event that made none
 */
export function leafData(eventHash: string, activation: string | null): Uint8Array {
  return new TextEncoder().encode(`signet-audit-leaf/1\n${eventHash}\n${activation ?? "-"}\n`);
}

/** The activation that an event's metadata names; null if it names none. */
export function activationOf(metadata: Readonly<Record<string, unknown>>): string | null {
  const digest = metadata[ACTIVATION_DIGEST];
  return typeof digest === "string" && /^[0-9a-f]{64}$/.test(digest) ? digest : null;
}
