import { instantOf, type Clock, type Instant } from "../core/clock.js";
import type { Principal } from "../core/token.js";
import { environmentOf } from "./access.js";
import type { ActiveBundle, ActiveBundles } from "./active-bundles.js";
import type { Instances } from "./instances.js";
import type { Sessions } from "./sessions.js";
import type { Tokens } from "./tokens.js";
import { FieldErrors } from "./validate.js";
import { waitFor } from "./waiting.js";
import type { Wakeups } from "./wakeups.js";

export interface WatchRequest {
  /** The newest sequence that the runtime has; 0 for none. */
  readonly afterSequence: number;
  /** Empty when the runtime does not name itself. */
  readonly instanceId: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What the HTTP client calls itself. */
  readonly userAgent: string | null;
  readonly clientAddress: string;
  /** What budgets count it under: api/admission-address.ts. */
  readonly addressKey: string;
}

/** One message of a watch. `sequence` is the cursor to come back with. */
export type WatchEvent = { readonly sequence: number } & (
  | { readonly kind: "activation"; readonly active: ActiveBundle }
  | { readonly kind: "nothing_active" }
  | { readonly kind: "heartbeat"; readonly at: Instant }
);

/** Pushes activations: a cursor and a wake-up, no queue, so a slow reader costs one slot and skips what was superseded. */
export class Watch {
  constructor(
    private readonly deps: {
      readonly active: ActiveBundles;
      readonly tokens: Tokens;
      readonly sessions: Sessions;
      readonly wakeups: Wakeups;
      readonly instances: Instances;
      readonly clock: Clock;
      readonly heartbeatMs: number;
    },
  ) {}

  /**
   * Yields at once what is active, or that nothing is, or a heartbeat when `afterSequence` is already the newest; then each change
   * and each heartbeat. A sequence above the newest comes from a history that this server no longer has: what is active is sent.
   *
   * Ends by throwing: `unauthenticated` when the token stops, `not_found` when the environment is deleted, `unavailable` on
   * shutdown, `rate_limited` when too many streams are open, the signal's reason when the reader goes away.
   */
  async *watch(principal: Principal, request: WatchRequest, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const { active, tokens, sessions, wakeups, instances, clock, heartbeatMs } = this.deps;
    const environmentId = environmentOf(principal);
    checkWatchRequest(request);
    using session = sessions.open("stream", principal, environmentId, request.addressKey);
    // After the session is open: a revocation from here on finds it.
    session.endBy(await tokens.recheck(principal));
    if (request.instanceId !== "") instances.connected(principal, request);

    const now = () => instantOf(clock.now());
    let cursor: number | null = null;
    for (;;) {
      using wakeup = wakeups.next(environmentId);
      if (session.signal.aborted) throw session.signal.reason;
      const newest = await active.read(environmentId);
      const event: WatchEvent | null =
        cursor === null ? firstEvent(newest, request.afterSequence, now()) : changeAfter(newest, cursor);
      if (event !== null) {
        cursor = event.sequence;
        yield event;
        continue;
      }
      const woken = await waitFor(wakeup.woken, heartbeatMs, [session.signal, signal]);
      if (!woken) {
        if (request.instanceId !== "") instances.connected(principal, request);
        yield { kind: "heartbeat", sequence: cursor ?? 0, at: now() };
      }
    }
  }
}

/** Throws `invalid` for what the fleet view cannot keep. */
export function checkWatchRequest({ instanceId, labels }: WatchRequest): void {
  const errors = new FieldErrors();
  errors.text(["instance_id"], instanceId, 128, 0, "query");
  errors.labels(labels);
  errors.throwIfAny();
}

/** The answer to a watch that begins. */
export function firstEvent(active: ActiveBundle | null, afterSequence: number, now: Instant): WatchEvent {
  if (active === null) return { kind: "nothing_active", sequence: 0 };
  const { sequence } = active.deployment;
  if (sequence === afterSequence) return { kind: "heartbeat", sequence, at: now };
  return { kind: "activation", sequence, active };
}

/** What a reader at `cursor` does not have; null when it has everything. */
function changeAfter(active: ActiveBundle | null, cursor: number): WatchEvent | null {
  if (active === null || active.deployment.sequence <= cursor) return null;
  return { kind: "activation", sequence: active.deployment.sequence, active };
}
