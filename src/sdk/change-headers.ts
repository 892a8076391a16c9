/** What guards a publish, an activation or a promotion. */
export interface ChangeGuards {
  /** Refuses with `precondition_failed` unless this is the newest sequence of the environment that changes; 0: nothing active. */
  readonly ifMatch?: number | undefined;
  /** Makes a retry within 24 hours answer the first result: 1 to 255 printable ASCII characters. */
  readonly idempotencyKey?: string | undefined;
}

/** The headers of a guarded call: `client.bundles.publishBundle(request, { headers: changeHeaders({ ifMatch: 3 }) })`. */
export function changeHeaders({ ifMatch, idempotencyKey }: ChangeGuards): Record<string, string> {
  return {
    ...(ifMatch === undefined ? {} : { "If-Match": `"${ifMatch}"` }),
    ...(idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey }),
  };
}
