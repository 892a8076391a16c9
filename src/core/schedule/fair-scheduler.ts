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

/** By token; the first in the map's order is next. */
type TokenQueues = Map<number, Waiter[]>;

/**
 * A semaphore that is shared fairly: the next lease goes to the organization that has waited longest for its turn, and inside of it to
 * the token that has. A caller with a thousand requests delays another one's first by one turn.
 *
 * When `maxWaiting` wait already, the newest request of the organization and token with most of them is refused: callers with few are
 * not refused because of one with many.
 */
export class FairScheduler {
  #free: number;
  #waiting = 0;
  /** The first organization in the map's order is next. Without empty entries. */
  readonly #organizations = new Map<string, TokenQueues>();

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
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(owner, signal);
    return leaseOf(() => this.#release());
  }

  /** Refuses all callers that wait. */
  refuseAll(reason: Error): void {
    for (let next = this.#takeNext(); next !== undefined; next = this.#takeNext()) next.refuse(reason);
  }

  #release(): void {
    const next = this.#takeNext();
    if (next === undefined) this.#free += 1;
    else next.grant();
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

  /** Moves its organization and its token to the end of the line. */
  #takeNext(): Waiter | undefined {
    const [organization] = this.#organizations;
    if (organization === undefined) return undefined;
    const [orgId, tokens] = organization;
    const [token] = tokens;
    if (token === undefined) return undefined;
    const [tokenId, queue] = token;
    const waiter = queue.shift();
    this.#waiting -= 1;
    tokens.delete(tokenId);
    if (queue.length > 0) tokens.set(tokenId, queue);
    this.#organizations.delete(orgId);
    if (tokens.size > 0) this.#organizations.set(orgId, tokens);
    return waiter;
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
