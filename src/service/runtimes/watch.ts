import { instantOf, type Clock, type Instant } from "../../core/clock.js";
import type { Principal } from "../../core/token.js";
import { environmentOf } from "../access/access.js";
import type { ActiveBundle, ActiveBundles } from "./active-bundles.js";
import { hasActivation, type Cursor } from "../access/cursor.js";
import type { Instances } from "./instances.js";
import type { Sessions } from "../access/sessions.js";
import type { Tokens } from "../tokens/tokens.js";
import { waitFor } from "../../core/schedule/wait.js";
import type { Wakeups } from "../changes/wakeups.js";

export interface WatchRequest extends Cursor {
  /** Empty when the runtime does not name itself. */
  readonly instanceId: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What the HTTP client calls itself. */
  readonly userAgent: string | null;
  readonly clientAddress: string;
  /** What budgets count it under: api/admission-address.ts. */
  readonly addressKey: string;
}

/** One message of a watch. `sequence` and `deploymentId` are the cursor to come back with; 0 and null while nothing is active. */
export type WatchEvent = { readonly sequence: number; readonly deploymentId: string | null } & (
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
   * Yields at once what is active, or that nothing is, or a heartbeat when the runtime has it already; then each change and each
   * heartbeat. A sequence above the newest, or of another activation, comes from a history that this server no longer has: what is
   * active is sent.
   *
   * Ends by throwing: `unauthenticated` when the token stops, `not_found` when the environment is deleted, `unavailable` on
   * shutdown, `rate_limited` when too many streams are open, the signal's reason when the reader goes away.
   */
  async *watch(principal: Principal, request: WatchRequest, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const { active, tokens, sessions, wakeups, instances, clock, heartbeatMs } = this.deps;
    const environmentId = environmentOf(principal);
    using session = sessions.open("stream", principal, environmentId, request.addressKey);
    // After the session is open: a revocation from here on finds it.
    session.endBy(await tokens.recheck(principal));
    if (request.instanceId !== "") instances.connected(principal, request);

    const now = () => instantOf(clock.now());
    let last: WatchEvent | null = null;
    for (;;) {
      using wakeup = wakeups.next(environmentId);
      if (session.signal.aborted) throw session.signal.reason;
      const newest = await active.read(environmentId);
      const event: WatchEvent | null =
        last === null ? firstEvent(newest, request, now()) : changeAfter(newest, last.sequence);
      if (event !== null) {
        last = event;
        yield event;
        continue;
      }
      const woken = await waitFor(wakeup.woken, heartbeatMs, [session.signal, signal]);
      if (!woken) {
        yield { kind: "heartbeat", sequence: last?.sequence ?? 0, deploymentId: last?.deploymentId ?? null, at: now() };
      }
    }
  }
}

/** The answer to a watch that begins. */
export function firstEvent(active: ActiveBundle | null, cursor: Cursor, now: Instant): WatchEvent {
  if (active === null) return { kind: "nothing_active", sequence: 0, deploymentId: null };
  const { sequence, id: deploymentId } = active.deployment;
  if (hasActivation(cursor, active.deployment)) return { kind: "heartbeat", sequence, deploymentId, at: now };
  return activationEvent(active);
}

/** What is active, as it is sent. */
export function activationEvent(active: ActiveBundle): WatchEvent {
  const { sequence, id: deploymentId } = active.deployment;
  return { kind: "activation", sequence, deploymentId, active };
}

/** What a reader at `cursor` does not have; null when it has everything. */
function changeAfter(active: ActiveBundle | null, cursor: number): WatchEvent | null {
  if (active === null || active.deployment.sequence <= cursor) return null;
  return activationEvent(active);
}
