/** The guards of a publish, an activation or a promotion. */
export interface ChangeGuards {
  /** Fails with `precondition_failed` unless this is the newest sequence of the target environment; 0: nothing active. */
  readonly ifMatch?: number | undefined;
  /** A retry with the same key within 24 hours gets the first result. 1 to 255 printable ASCII characters. */
  readonly idempotencyKey?: string | undefined;
  /** Of a publish or a promotion: makes no version with the content that is active already, and returns the active bundle. */
  readonly skipUnchanged?: boolean | undefined;
}

/** The headers of a guarded call: `client.bundles.publishBundle(request, { headers: changeHeaders({ ifMatch: 3 }) })`. */
export function changeHeaders({ ifMatch, idempotencyKey, skipUnchanged }: ChangeGuards): Record<string, string> {
  return {
    ...(ifMatch === undefined ? {} : { "If-Match": `"${ifMatch}"` }),
    ...(idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey }),
    ...(skipUnchanged === true ? { "If-Unchanged": "skip" } : {}),
  };
}
