/** The last good activation as a cache keeps it: plain JSON. */
export interface CachedActivation {
  readonly sequence: number;
  readonly deploymentId: string;
  readonly kind: string;
  readonly version: number;
  readonly policyHash: string;
  /** ISO 8601. */
  readonly activatedAt: string;
  /** ISO 8601: when the server last said that this is the active bundle. */
  readonly confirmedAt?: string;
  /** The document exactly as signed: what is read back is verified again. */
  readonly document: string;
}

/** Keeps the last good activation, so that a runtime can start while the server is away. */
export interface BundleCache {
  /** What was stored last, or null. Rejects when it is there and cannot be read. */
  load(): Promise<CachedActivation | null>;
  /** Replaces it; after a crash in between, `load` answers the one before. Rejects when it cannot be written. */
  store(activation: CachedActivation): Promise<void>;
}

/** Reads a cached activation from a JSON text. Throws a TypeError that names the field when something is missing or odd. */
export function parseCachedActivation(text: string): CachedActivation {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) throw new TypeError("a cached activation is a JSON object");
  const fields = value as Record<string, unknown>;
  return {
    ...(fields["confirmedAt"] === undefined ? {} : { confirmedAt: string(fields, "confirmedAt") }),
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
