import { addSeconds, instantOf, type Clock, type Instant } from "../../core/clock.js";
import type { Webhook } from "../../core/webhook.js";
import type { Claim } from "../../store/claim-store.js";
import type { Store, Writer } from "../../store/store.js";

/** How long a claim lasts from its last renewal. */
export const CLAIM_SECONDS = 30;
/** A claim with so much left is not renewed yet; renewals come every few seconds. */
const FRESH_MS = 20_000;
/** Nothing is begun so shortly before the end: what is sent takes time, and clocks differ. */
const MARGIN_MS = 5_000;

/** Webhooks that a transaction claimed. They are held once it is committed and `took` was called. */
export interface ClaimedWebhooks {
  readonly ids: ReadonlySet<string>;
  readonly claim: Claim;
  /** By the monotonic clock, counted from before the transaction. */
  readonly endsAtMs: number;
}

/**
 * A claim that was renewed each time before it ended. Its end is kept by the monotonic clock, and by the time of day, which goes on while
 * a machine sleeps.
 */
interface Tenure {
  endsAtMs: number;
  until: Instant;
}

/**
 * Which webhooks this node sends to, where several nodes share a database: the order of deliveries and the circuit breaker are kept in
 * memory, so that one node at a time runs a webhook. A claim ends by itself when the node does not renew it. A process that is alone with
 * its database holds every webhook, and writes nothing.
 */
export class WebhookClaims {
  readonly #held = new Map<string, Tenure>();

  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      /** Names this process in the database; null when no other one uses it. */
      readonly nodeId: string | null;
    },
  ) {}

  get isShared(): boolean {
    return this.deps.nodeId !== null;
  }

  /** Whether this node may begin to send to it now. */
  holds(id: string): boolean {
    return !this.isShared || this.#leftMs(this.#held.get(id)) > MARGIN_MS;
  }

  /** For whoever begins to work on it: whether this node may still begin to send, and has held it without a break since. */
  tenure(id: string): () => boolean {
    const tenure = this.#held.get(id);
    return () => !this.isShared || (this.#held.get(id) === tenure && this.#leftMs(tenure) > MARGIN_MS);
  }

  /** Those whose claim is missing or not fresh: to be claimed before they are worked on. */
  stale(ids: readonly string[]): readonly string[] {
    return this.isShared ? ids.filter((id) => this.#leftMs(this.#held.get(id)) <= FRESH_MS) : [];
  }

  /** To be called before the transaction that `claimIn` is then called in: what the claims will be. */
  next(): Omit<ClaimedWebhooks, "ids"> {
    const { clock } = this.deps;
    const at = instantOf(clock.now());
    const claim = { nodeId: this.#nodeId, at, until: addSeconds(at, CLAIM_SECONDS) };
    return { claim, endsAtMs: clock.monotonicMs() + CLAIM_SECONDS * 1000 };
  }

  /** Claims webhooks in a transaction, or renews their claims; without those of another node. */
  async claimIn(tx: Writer, ids: readonly string[], next: Omit<ClaimedWebhooks, "ids">): Promise<ClaimedWebhooks> {
    return { ...next, ids: ids.length === 0 ? new Set() : await tx.claimWebhooks(ids, next.claim) };
  }

  /** After the commit. */
  took({ ids, claim: { until }, endsAtMs }: ClaimedWebhooks): void {
    for (const id of ids) {
      const tenure = this.#held.get(id);
      // Another node may have had it in between.
      if (this.#leftMs(tenure) <= 0) this.#held.set(id, { endsAtMs, until });
      else if (tenure !== undefined) Object.assign(tenure, { endsAtMs, until });
    }
  }

  /** As claimIn, in a transaction of its own when one is needed; returns those that this node holds now. */
  async claim(ids: readonly string[]): Promise<readonly string[]> {
    const stale = this.stale(ids);
    if (stale.length > 0) {
      const next = this.next();
      const claimed = await this.deps.store.write((tx) => this.claimIn(tx, stale, next));
      // What was not claimed again is another node's, or is to be left alone.
      for (const id of stale) if (!claimed.ids.has(id)) this.#held.delete(id);
      this.took(claimed);
    }
    return ids.filter((id) => this.holds(id));
  }

  /** Webhooks of these organizations, or of all, that have something to do and that no other node has claimed. */
  async waiting(orgIds: readonly string[] | null): Promise<readonly Pick<Webhook, "id" | "orgId">[]> {
    for (const [id, tenure] of this.#held) if (this.#leftMs(tenure) <= 0) this.#held.delete(id);
    return await this.deps.store.read.webhooksToClaim(this.next().claim, orgIds);
  }

  /** Gives up everything: other nodes need not wait for the end. */
  async release(): Promise<void> {
    if (this.#held.size === 0) return;
    this.#held.clear();
    await this.deps.store.write((tx) => tx.releaseWebhooks(this.#nodeId));
  }

  /** Alone it is written nowhere. */
  get #nodeId(): string {
    return this.deps.nodeId ?? "";
  }

  #leftMs(tenure: Tenure | undefined): number {
    if (tenure === undefined) return 0;
    const { clock } = this.deps;
    return Math.min(tenure.endsAtMs - clock.monotonicMs(), Date.parse(tenure.until) - clock.now().getTime());
  }
}
