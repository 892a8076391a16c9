import type { Principal } from "../core/token.js";
import { environmentOf } from "./access.js";
import type { ActiveBundle, ActiveBundles } from "./active-bundles.js";
import type { FeedProgress } from "./feed-progress.js";
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
  readonly agent: string | null;
  readonly clientAddress: string;
}

/** One message of a watch. `sequence` is the cursor to come back with. */
export type WatchEvent = { readonly sequence: number } & (
  | { readonly kind: "activation"; readonly active: ActiveBundle }
  | { readonly kind: "nothing_active" }
  | { readonly kind: "heartbeat" }
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
      readonly progress: FeedProgress;
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
    const { active, tokens, sessions, wakeups, instances, progress, heartbeatMs } = this.deps;
    const environmentId = environmentOf(principal);
    const errors = new FieldErrors();
    errors.text(["instance_id"], request.instanceId, 128);
    errors.labels(request.labels);
    errors.throwIfAny();
    using session = sessions.open("stream", principal, environmentId, request.clientAddress);
    // After the session is open: a revocation from here on finds it.
    session.endBy(await tokens.recheck(principal));
    if (request.instanceId !== "") instances.connected(principal, request);

    let cursor: number | null = null;
    using feed = progress.open(environmentId);
    for (;;) {
      using wakeup = wakeups.next(environmentId);
      const { changes } = feed;
      if (session.signal.aborted) throw session.signal.reason;
      const state = await active.read(environmentId);
      const event = nextEvent(state.active, cursor, request.afterSequence);
      if (event !== null) {
        cursor = event.sequence;
        yield event;
        feed.caughtUp(changes);
        continue;
      }
      feed.caughtUp(changes);
      const woken = await waitFor(wakeup.woken, heartbeatMs, [session.signal, signal]);
      if (!woken) {
        if (request.instanceId !== "") instances.connected(principal, request);
        yield { kind: "heartbeat", sequence: cursor ?? 0 };
      }
    }
  }
}

/** What to send next; null when the reader has everything. `cursor` is null before the first message. */
function nextEvent(active: ActiveBundle | null, cursor: number | null, afterSequence: number): WatchEvent | null {
  if (active === null) return cursor === null ? { kind: "nothing_active", sequence: 0 } : null;
  const { sequence } = active.deployment;
  if (cursor === null) {
    return sequence === afterSequence ? { kind: "heartbeat", sequence } : { kind: "activation", sequence, active };
  }
  return sequence > cursor ? { kind: "activation", sequence, active } : null;
}
