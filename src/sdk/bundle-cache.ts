/** The last verified activation as a cache stores it: plain JSON. */
export interface CachedActivation {
  readonly sequence: number;
  readonly deploymentId: string;
  readonly kind: string;
  readonly version: number;
  readonly policyHash: string;
  /** ISO 8601. */
  readonly activatedAt: string;
  /** Why it was activated, as the server says: not signed. Absent without one. */
  readonly reason?: string | undefined;
  /** ISO 8601: when the server last confirmed that this is the active bundle. */
  readonly confirmedAt?: string;
  /** The document exactly as signed; it is verified again when it is loaded. */
  readonly document: string;
}

/** Stores the last verified activation, so that a runtime can start while the server is unavailable. */
export interface BundleCache {
  /** The stored activation, or null. Rejects if it cannot be read. */
  load(): Promise<CachedActivation | null>;
  /** Replaces it atomically: after a crash, `load` returns the previous one. Rejects if it cannot be written. */
  store(activation: CachedActivation): Promise<void>;
}

/** Reads a cached activation from a JSON text. Throws a TypeError that names the first missing or invalid field. */
export function parseCachedActivation(text: string): CachedActivation {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) throw new TypeError("a cached activation is a JSON object");
  const fields = value as Record<string, unknown>;
  return {
    ...(fields["confirmedAt"] === undefined ? {} : { confirmedAt: string(fields, "confirmedAt") }),
    ...(fields["reason"] === undefined ? {} : { reason: string(fields, "reason") }),
    sequence: count(fields, "sequence"),
    deploymentId: string(fields, "deploymentId"),
    kind: string(fields, "kind"),
    version: count(fields, "version"),
    policyHash: string(fields, "policyHash"),
    activatedAt: string(fields, "activatedAt"),
    document: string(fields, "document"),
  };
}

function string(fields: Record<string, unknown>, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw new TypeError(`cached activation: ${name} must be a string`);
  return value;
}

function count(fields: Record<string, unknown>, name: string): number {
  const value = fields[name];
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > 0xffff_ffff) {
    throw new TypeError(`cached activation: ${name} must be a whole number of 32 bits`);
  }
  return value as number;
}
