import { AppError } from "../../core/error.js";
import { EventLoopQuota } from "../../core/schedule/event-loop-quota.js";
import type { Principal } from "../../core/token.js";
import { environmentOf } from "../access/access.js";
import type { Instances } from "./instances.js";
import type { Freshness } from "../access/freshness.js";
import type { Sessions } from "../access/sessions.js";
import type { Authentication } from "../tokens/authentication.js";
import type { WatchObserver } from "../changes/observers.js";
import { firstEvent, type WatchRequest } from "./watch.js";
import { TimerWheel } from "../../core/schedule/timer-wheel.js";
import { proofOf } from "./proof-of.js";
import { Hub, type HubDeps, type HubEnvironment } from "./hub.js";
import { Subscriber, type PushContext, type WatchReader } from "./subscriber.js";

/** Streams that are written in one turn of the event loop: about two milliseconds. */
const STREAMS_PER_TURN = 64;

/**
 * Pushes what is active in an environment to its watches. A change is read once and handed to every reader as the same object; a stream
 * costs its cursor and no timer, promise or queue of its own, so a slow reader does not slow others, and skips superseded bundles.
 */
export class Push {
  readonly #hubs = new Map<string, Hub>();
  readonly #context: PushContext;
  readonly #quota = new EventLoopQuota(STREAMS_PER_TURN);

  constructor(
    private readonly deps: Omit<HubDeps, "quota"> & {
      readonly authentication: Authentication;
      readonly sessions: Sessions;
      readonly instances: Instances;
      readonly freshness: Freshness;
      readonly heartbeatMs: number;
    },
  ) {
    this.#context = createPushContext(deps.heartbeatMs, this.#quota, deps.freshness, deps.observer);
  }

  /**
   * Opens a watch. Sends at once what is active, or that nothing is, or a heartbeat when the runtime has it already; then each change and
   * each heartbeat. A sequence above the newest, or of another activation, comes from a history that this server no longer has: what is
   * active is sent. Versions of the root document above the one that the runtime has come before all that, and when one is published.
   *
   * A watch ends with `unauthenticated` when the token stops, `not_found` when the environment is deleted, and `unavailable` on shutdown:
   * before its first event by throwing, later by WatchReader.end. Throws `invalid` for a request that cannot be kept, `forbidden` for a
   * token without an environment, `rate_limited` when too many streams are open, `cancelled` when the reader went away.
   */
  async open(principal: Principal, request: WatchRequest, reader: WatchReader): Promise<void> {
    const { active, authentication, sessions, instances, freshness, proofs, roots } = this.deps;
    const environmentId = environmentOf(principal);
    const projectId = principal.projectId ?? "";
    const hub = this.#hubOf({ id: environmentId, projectId });
    const instance = request.instanceId === "" ? null : instances.watch(principal, request);
    const subscriber = new Subscriber(this.#context, hub, reader, instance, request.rootVersion);
    hub.add(subscriber);
    reader.opened(subscriber);
    try {
      subscriber.lease = sessions.enter("stream", principal, environmentId, request.addressKey, subscriber);
      // After the lease was taken: a revocation from here on finds it.
      subscriber.lease.endBy(await authentication.recheck(principal));
      if (!subscriber.isOver) instance?.seen();
      const newest = await active.readFrom(environmentId, request.afterSequence);
      const proof = await proofOf(proofs, environmentId, newest?.deployment ?? null);
      const { rootVersion, afterSequence, afterDeploymentId } = request;
      const lacking =
        rootVersion === 0 ? [] : await roots.after(projectId, rootVersion, proof === null ? null : proof.rootVersion);
      if (subscriber.isOver) throw new AppError("cancelled", "the client closed the request");
      hub.learn(newest);
      const cursor = [afterSequence, afterDeploymentId === "" ? null : afterDeploymentId] as const;
      subscriber.begin(
        firstEvent(newest, proof, request, freshness.moment()),
        lacking.map((root) => hub.rootEvent(root, ...cursor)),
      );
    } catch (thrown) {
      subscriber.close();
      // It may have ended before it was known here.
      subscriber.lease?.[Symbol.dispose]();
      throw subscriber.reason ?? thrown;
    }
  }

  #hubOf(environment: HubEnvironment): Hub {
    const known = this.#hubs.get(environment.id);
    if (known !== undefined) return known;
    const hub: Hub = new Hub(environment, { ...this.deps, quota: this.#quota }, () => {
      hub[Symbol.dispose]();
      if (this.#hubs.get(environment.id) === hub) this.#hubs.delete(environment.id);
    });
    this.#hubs.set(environment.id, hub);
    return hub;
  }
}

function createPushContext(
  heartbeatMs: number,
  quota: EventLoopQuota,
  freshness: Freshness,
  observer: WatchObserver,
): PushContext {
  const wheel = new TimerWheel<Subscriber>(heartbeatMs, (due) => {
    const now = freshness.moment();
    quota.forEach(due, (subscriber) => subscriber.beat(now));
  });
  let leaving: Subscriber[] = [];
  return {
    heartbeatMs,
    moment: () => freshness.moment(),
    behind: (change) => observer.behind(change),
    join: (subscriber) => wheel.add(subscriber),
    leave: (subscriber) => wheel.delete(subscriber),
    drain: (subscriber) => {
      leaving.push(subscriber);
      if (leaving.length > 1) return;
      quota.forEach(
        leaving,
        (one) => one.startDrain(),
        () => (leaving = []),
      );
    },
  };
}
