import { AppError } from "../error.js";
import { leaseOf, type Lease } from "./lease.js";

/** On whose behalf work is done. A Principal is one. */
export interface WorkOwner {
  readonly orgId: string;
  readonly tokenId: number;
}

/** Bounds of a FairScheduler. */
export interface FairSchedulerOptions {
  /** Leases at once. */
  readonly concurrency: number;
  /** Callers that wait for one, together. */
  readonly maxWaiting: number;
  /** The `unavailable` error's message and reason for those that may not wait. */
  readonly refusal: { readonly message: string; readonly reason: string };
}

interface Waiter {
  readonly owner: WorkOwner;
  readonly grant: () => void;
  readonly refuse: (reason: Error) => void;
}

/** By token. */
type TokenQueues = Map<number, Waiter[]>;

/**
 * A semaphore that is shared fairly: the next lease goes to the organization whose last lease is the oldest, and inside of it to the token
 * of which that is true. A caller with a thousand requests delays another one's first only by the leases that it has already.
 *
 * When `maxWaiting` wait already, the newest request of the organization and token with most of them is refused: callers with few are
 * not refused because of one with many.
 */
export class FairScheduler {
  #free: number;
  #waiting = 0;
  /** Without empty entries. */
  readonly #organizations = new Map<string, TokenQueues>();
  /** The number of the last lease of an organization and of a token of it; forgotten when there is nothing to do. */
  readonly #lastLeases = new Map<string, number>();
  #leases = 0;

  constructor(private readonly options: FairSchedulerOptions) {
    this.#free = options.concurrency;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Waits for a lease. Rejects with the signal's reason when it aborts first, with `unavailable` when too many wait, and with the reason
   * of `refuseAll`.
   */
  async acquire(owner: WorkOwner, signal?: AbortSignal): Promise<Lease> {
    signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      this.#count(owner);
    } else await this.#wait(owner, signal);
    return leaseOf(() => this.#release());
  }

  /** Refuses all callers that wait. */
  refuseAll(reason: Error): void {
    for (let next = this.#takeNext(); next !== undefined; next = this.#takeNext()) next.refuse(reason);
  }

  #release(): void {
    const next = this.#takeNext();
    if (next !== undefined) return next.grant();
    this.#free += 1;
    if (this.#free === this.options.concurrency) this.#lastLeases.clear();
  }

  #count({ orgId, tokenId }: WorkOwner): void {
    this.#leases += 1;
    this.#lastLeases.set(orgId, this.#leases);
    this.#lastLeases.set(tokenKey(orgId, tokenId), this.#leases);
  }

  async #wait(owner: WorkOwner, signal: AbortSignal | undefined): Promise<void> {
    let cleanUp = () => {};
    try {
      await new Promise<void>((grant, reject) => {
        const waiter: Waiter = { owner, grant, refuse: reject };
        const onAbort = () => {
          this.#remove(waiter);
          // The abort reason: an AppError for signals of this program.
          reject(signal?.reason as Error);
        };
        signal?.addEventListener("abort", onAbort, { once: true });
        cleanUp = () => signal?.removeEventListener("abort", onAbort);
        this.#add(waiter);
        if (this.#waiting > this.options.maxWaiting) this.#refuseNewestOfMost();
      });
    } finally {
      cleanUp();
    }
  }

  #add(waiter: Waiter): void {
    const { orgId, tokenId } = waiter.owner;
    const tokens = this.#organizations.get(orgId) ?? new Map<number, Waiter[]>();
    const queue = tokens.get(tokenId) ?? [];
    queue.push(waiter);
    tokens.set(tokenId, queue);
    this.#organizations.set(orgId, tokens);
    this.#waiting += 1;
  }

  #remove(waiter: Waiter): void {
    const { orgId, tokenId } = waiter.owner;
    const tokens = this.#organizations.get(orgId);
    const queue = tokens?.get(tokenId);
    const index = queue?.indexOf(waiter) ?? -1;
    if (tokens === undefined || queue === undefined || index < 0) return;
    queue.splice(index, 1);
    this.#waiting -= 1;
    if (queue.length === 0) tokens.delete(tokenId);
    if (tokens.size === 0) this.#organizations.delete(orgId);
  }

  #takeNext(): Waiter | undefined {
    const [orgId, tokens] = this.#first(this.#organizations, (id) => id) ?? [];
    if (orgId === undefined || tokens === undefined) return undefined;
    const [, queue] = this.#first(tokens, (tokenId) => tokenKey(orgId, tokenId)) ?? [];
    const waiter = queue?.[0];
    if (waiter === undefined) return undefined;
    this.#remove(waiter);
    this.#count(waiter.owner);
    return waiter;
  }

  /** The entry whose last lease is the oldest; of several without one, the one that came first. */
  #first<K, V>(entries: ReadonlyMap<K, V>, keyOf: (key: K) => string): readonly [K, V] | undefined {
    let first: readonly [K, V] | undefined;
    let oldest = Infinity;
    for (const entry of entries) {
      const last = this.#lastLeases.get(keyOf(entry[0])) ?? 0;
      if (last >= oldest) continue;
      first = entry;
      oldest = last;
    }
    return first;
  }

  #refuseNewestOfMost(): void {
    const tokens = largest(this.#organizations.values(), (of) => sum([...of.values()].map(({ length }) => length)));
    const newest = largest(tokens?.values() ?? [], ({ length }) => length)?.at(-1);
    if (newest === undefined) return;
    this.#remove(newest);
    const { message, reason } = this.options.refusal;
    newest.refuse(new AppError("unavailable", message, { reason, retryAfterSeconds: 1 }));
  }
}

function tokenKey(orgId: string, tokenId: number): string {
  return `${orgId} ${tokenId}`;
}

/** The last of those that are alike: it came last. */
function largest<T>(all: Iterable<T>, sizeOf: (one: T) => number): T | undefined {
  let found: T | undefined;
  let size = 0;
  for (const one of all) {
    if (sizeOf(one) < size) continue;
    found = one;
    size = sizeOf(one);
  }
  return found;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
