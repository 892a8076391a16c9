import { inChunks } from "../../core/schedule/in-steps.js";
import { HeardTokens } from "../../service/tokens/heard-tokens.js";
import type { ChangeFeed, ChangeFollower, NodeChange } from "../../store/change-feed.js";
import type { ServiceContext } from "./context.js";
import type { Services } from "./services.js";

/** Environments that are read at once when all are. */
const AT_ONCE = 50;

/** The features that keep in memory something that other nodes change. */
export type FollowedServices = Pick<Services, "changes" | "runtimes" | "tokens">;

/** From here on does in this process what other nodes did: wakes watches, ends what is over, forgets what is old. */
export function followFeed(
  feed: ChangeFeed,
  { store, clock }: Pick<ServiceContext, "store" | "clock">,
  services: FollowedServices,
): AsyncDisposable {
  const { wakeups, outbox } = services.changes;
  const { cache, sessions } = services.tokens;
  const tokens = new HeardTokens({ store, clock, cache, sessions, wakeups });
  const follower: ChangeFollower = {
    changed(changes) {
      const of = <Kind extends NodeChange["kind"]>(kind: Kind) =>
        changes.filter((change): change is Extract<NodeChange, { kind: Kind }> => change.kind === kind);
      for (const { id } of of("environment")) wakeups.wake(id);
      tokens.changed(of("token").map(({ id }) => id));
      if (of("tenancy").length > 0) tokens.tenancyChanged();
      for (const webhook of of("webhook")) outbox.changed(webhook);
      if (of("outbox").length > 0) outbox.othersCommitted();
    },
    missed() {
      wakeups.forgetAll();
      void inChunks([...wakeups.awaited], AT_ONCE, (ids) =>
        Promise.all(
          ids.map(async (id) => {
            // One that cannot be read now is read again by whoever is told.
            await services.runtimes.active.read(id).catch(() => null);
            wakeups.tell(id);
          }),
        ),
      );
      tokens.missed();
      outbox.othersCommitted();
    },
  };
  const following = feed.follow(follower);
  return {
    async [Symbol.asyncDispose]() {
      following[Symbol.dispose]();
      await tokens[Symbol.asyncDispose]();
    },
  };
}
