import { addSeconds, instantOf, type Clock } from "../../core/clock.js";
import { NODE_FORGOTTEN_SECONDS, nodeState, type NodeState, type ServerNode } from "../../core/cluster/server-node.js";
import type { ChangeFeed } from "../../store/change-feed.js";
import type { Store } from "../../store/store.js";
import { MAX_NODES } from "./live-nodes.js";

/** What stays the same of a process. */
export interface NodeIdentity {
  readonly name: string;
  readonly version: string;
  /** The newest migration that it knows. */
  readonly schema: string;
}

/** A node with whether it is there. */
export interface NodeView {
  readonly node: ServerNode;
  readonly state: NodeState;
  /** Whether it is the process that was asked. */
  readonly isSelf: boolean;
}

/** For how long the nodes that are there are remembered: presence is looked at much more often than nodes come and go. */
const KEPT_MS = 2_000;

/**
 * The server processes of the database. On a shared one each writes its row every few seconds; on SQLite there is this one alone, and
 * nothing is written.
 */
export class Nodes {
  readonly #startedAt;
  #url: string | null = null;
  #problem: () => string | null = () => null;
  #stoppingAt: string | null = null;
  #live: { readonly ids: ReadonlySet<string>; readonly readAtMs: number } | null = null;
  #reading: Promise<ReadonlySet<string>> | null = null;

  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      /** Null where only this process writes. */
      readonly feed: ChangeFeed | null;
      /** This process, as the instances name it whose watches it has open. */
      readonly id: string;
      readonly identity: NodeIdentity;
      /** What is open now. */
      readonly open: () => Pick<ServerNode, "streams" | "polls">;
    },
  ) {
    this.#startedAt = instantOf(deps.clock.now());
  }

  /** This process, as the rows name it that are its own. */
  get id(): string {
    return this.deps.id;
  }

  /** Whether other processes may be on the same database. */
  get isShared(): boolean {
    return this.deps.feed !== null;
  }

  /**
   * For how many milliseconds this process has not looked into the log of changes with success: it may not know what the others changed
   * since. Null where there is no log.
   */
  get lagMs(): number | null {
    const { feed, clock } = this.deps;
    return feed === null ? null : Math.max(0, Math.round(clock.monotonicMs() - feed.heardAtMs));
  }

  /** How often it lost the connection by which it hears of changes at once; 0 where there is none. */
  get listenerLosses(): number {
    return this.deps.feed?.listenerLosses ?? 0;
  }

  /** From here on it tells where it listens, and why it takes no changes (null: it does). */
  listens(url: string, problem: () => string | null): void {
    this.#url = url;
    this.#problem = problem;
  }

  /** This process now. */
  own(): ServerNode {
    const { clock, id, identity, open } = this.deps;
    return {
      ...{ id, ...identity, url: this.#url, startedAt: this.#startedAt, seenAt: instantOf(clock.now()) },
      ...{ ...open(), lagMs: this.lagMs, problem: this.#problem(), stoppingAt: this.#stoppingAt },
    };
  }

  /** All that told something within the last hour, in the order in which they started. This one is as it is now. */
  async list(): Promise<readonly NodeView[]> {
    const own = this.own();
    const others = await this.#others();
    const now = instantOf(this.deps.clock.now());
    return [own, ...others]
      .toSorted((a, b) => compare(a.startedAt, b.startedAt) || compare(a.id, b.id))
      .map((node) => ({ node, state: nodeState(node, now), isSelf: node.id === this.id }));
  }

  /** How many of them are in which state. Rejects as a read of the store does. */
  async counts(): Promise<Readonly<Record<NodeState, number>>> {
    const counts = { live: 0, stale: 0, stopped: 0 };
    for (const { state } of await this.list()) counts[state] += 1;
    return counts;
  }

  /**
   * The ids of the nodes that are there, this one always. At most two seconds old.
   *
   * Rejects as a read of the store does.
   */
  async live(): Promise<ReadonlySet<string>> {
    const { clock } = this.deps;
    if (!this.isShared) return (this.#live ??= { ids: new Set([this.id]), readAtMs: 0 }).ids;
    if (this.#live !== null && clock.monotonicMs() - this.#live.readAtMs < KEPT_MS) return this.#live.ids;
    this.#reading ??= this.#readLive().finally(() => (this.#reading = null));
    return await this.#reading;
  }

  /** Writes this process's row; nothing where it is alone. Called every {@link NODE_TELLS_SECONDS} seconds. */
  async tell(): Promise<void> {
    if (!this.isShared) return;
    const node = this.own();
    await this.deps.store.write((tx) => tx.putNode(node, addSeconds(node.seenAt, -NODE_FORGOTTEN_SECONDS)));
  }

  /** Says that this process stops: the others do not wait until it is silent. */
  async stop(): Promise<void> {
    this.#stoppingAt ??= instantOf(this.deps.clock.now());
    await this.tell();
  }

  async #readLive(): Promise<ReadonlySet<string>> {
    const { clock } = this.deps;
    const readAtMs = clock.monotonicMs();
    const others = await this.#others();
    const now = instantOf(clock.now());
    const ids = new Set([this.id, ...others.filter((it) => nodeState(it, now) === "live").map(({ id }) => id)]);
    this.#live = { ids, readAtMs };
    return ids;
  }

  async #others(): Promise<readonly ServerNode[]> {
    if (!this.isShared) return [];
    const now = instantOf(this.deps.clock.now());
    const known = await this.deps.store.read.nodes(MAX_NODES);
    return known.filter(({ id, seenAt }) => id !== this.id && seenAt >= addSeconds(now, -NODE_FORGOTTEN_SECONDS));
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
