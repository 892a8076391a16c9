import { inChunks } from "../../core/schedule/in-steps.js";
import { sleep } from "../../core/schedule/wait.js";
import { HeardTokens } from "../../service/tokens/heard-tokens.js";
import type { ChangeFeed, ChangeFollower, NodeChange } from "../../store/change-feed.js";
import type { ServiceContext } from "./context.js";
import type { Services } from "./services.js";

/** Environments that are read at once when all are. */
const AT_ONCE = 50;

/** Between two tries to compare all environments with the database. */
const RETRY_MS = 500;

/** The features that keep in memory something that other nodes change. */
export type FollowedServices = Pick<Services, "changes" | "runtimes" | "tokens" | "bundles" | "roots">;

/** From here on does in this process what other nodes did: wakes watches, ends what is over, forgets what is old. */
export function followFeed(
  feed: ChangeFeed,
  { store, storeChanges, clock }: Pick<ServiceContext, "store" | "storeChanges" | "clock">,
  services: FollowedServices,
): AsyncDisposable {
  const { wakeups, outbox } = services.changes;
  const { cache, sessions, consoleSessions } = services.tokens;
  const { rootDocuments } = services.roots;
  const tokens = new HeardTokens({ store, clock, cache, sessions, consoleSessions, wakeups });
  const ended = new AbortController();
  let losses = 0;
  let comparing: Promise<unknown> = Promise.resolve();

  /** Wakes all who wait for an environment of the project. While the database is away they hear of the root with the next lease. */
  const rootChanged = async (projectId: string) => {
    rootDocuments.forget(projectId);
    const ids = await store.read.environmentIds({ projectId }).catch(() => []);
    for (const id of ids) wakeups.wake(id);
  };
  /** What is awaited first. One that cannot be read now is read again by whoever is told. */
  const readAwaited = () =>
    inChunks([...wakeups.awaited], AT_ONCE, (ids) =>
      Promise.all(
        ids.map(async (id) => {
          await services.runtimes.active.read(id).catch(() => null);
          wakeups.tell(id);
        }),
      ),
    );
  /** Whether commits of any environment that this node knows were lost. All nodes may do so at once. */
  const compareAll = async (loss: number) => {
    let left = feed.marks.environmentIds;
    while (left.length > 0 && loss === losses && !ended.signal.aborted) {
      const failed: string[] = [];
      await inChunks(left, AT_ONCE, (ids) =>
        Promise.all(
          ids.map(async (id) => {
            if (loss !== losses || ended.signal.aborted) return;
            await services.bundles.historyRepair?.check(id).catch(() => failed.push(id));
          }),
        ),
      );
      left = failed;
      if (left.length > 0) await sleep(RETRY_MS, ended.signal);
    }
  };

  const follower: ChangeFollower = {
    changed(changes) {
      const of = <Kind extends NodeChange["kind"]>(kind: Kind) =>
        changes.filter((change): change is Extract<NodeChange, { kind: Kind }> => change.kind === kind);
      const environments = of("environment");
      // Before anybody reads them.
      for (const { id, numbers } of environments) if (numbers !== undefined) feed.marks.record(id, numbers);
      for (const id of new Set(environments.map(({ id }) => id))) wakeups.wake(id);
      tokens.changed(of("token").map(({ id }) => id));
      for (const { projectId } of of("trust")) void rootChanged(projectId);
      if (of("tenancy").length > 0) tokens.tenancyChanged();
      for (const webhook of of("webhook")) outbox.changed(webhook);
      if (of("outbox").length > 0) outbox.othersCommitted();
      storeChanges.announce(changes);
    },
    missed() {
      rootDocuments.forgetAll();
      wakeups.forgetAll();
      tokens.missed();
      outbox.othersCommitted();
      storeChanges.missed();
      const loss = (losses += 1);
      comparing = Promise.all([comparing, readAwaited().then(() => compareAll(loss))]);
    },
  };
  const following = feed.follow(follower);
  return {
    async [Symbol.asyncDispose]() {
      following[Symbol.dispose]();
      ended.abort();
      await comparing;
      await tokens[Symbol.asyncDispose]();
    },
  };
}
