import { createHash } from "node:crypto";
import { addSeconds, instantOf, type Clock } from "../../core/clock.js";
import { inSteps } from "../../core/schedule/in-steps.js";
import { AppError, invalidField } from "../../core/error.js";
import type { Store, Writer } from "../../store/store.js";
import type { ChangeRequest } from "../access/caller.js";
import type { IdempotencyObserver } from "./observers.js";

const KEPT_SECONDS = 24 * 60 * 60;
/**
 * Of what is hashed of a request. To be raised with every change of it, which test/upgrade tells: an answer that was stored under
 * another version is given without comparing, so that a retry across an upgrade gets the first result.
 */
const FINGERPRINT_VERSION = 3;
/** Answers that one transaction deletes: some 10 ms. */
const PRUNED_AT_ONCE = 500;

/** Stores the answer in the transaction of the change, so that both are there or neither is. */
export type Remember<T> = (tx: Writer, answer: T) => Promise<void>;

/**
 * Makes a retry answer the first result (api.md, "Bundles"). Keys belong to a token and an operation and are kept for 24 hours.
 */
export class Idempotency {
  readonly #inFlight = new Set<string>();

  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly observer: IdempotencyObserver;
    },
  ) {}

  /**
   * Runs `change`, or answers what it answered before under the same key. `request` is everything that the answer depends on. A dry run
   * remembers nothing and answers nothing that was remembered.
   *
   * Throws `invalid` for a key that is not 1 to 255 printable ASCII characters or was used for another request, and `conflict`
   * while the first one is still in flight.
   */
  async run<T>(
    caller: ChangeRequest,
    operation: string,
    request: unknown,
    change: (remember: Remember<T>) => Promise<T>,
  ): Promise<T> {
    const key = caller.idempotencyKey;
    if (key === null) return await change(() => Promise.resolve());
    if (!/^[\x20-\x7e]{1,255}$/.test(key)) {
      throw invalidField(["idempotency-key"], "must be 1 to 255 printable ASCII characters", "value", "header");
    }
    if (caller.dryRun) return await change(() => Promise.resolve());
    const { tokenId } = caller.principal;
    const requestHash = fingerprintOf(request);
    const flight = `${tokenId} ${operation} ${key}`;
    if (this.#inFlight.has(flight)) {
      throw new AppError("conflict", "a request with this Idempotency-Key is still in flight", {
        reason: "idempotency_key_in_flight",
        retryAfterSeconds: 1,
      });
    }
    this.#inFlight.add(flight);
    try {
      const now = instantOf(this.deps.clock.now());
      const known = await this.deps.store.read.idempotentAnswer(tokenId, operation, key);
      if (known !== null && known.createdAt > addSeconds(now, -KEPT_SECONDS)) {
        if (known.requestHash !== requestHash && isComparable(known.requestHash)) {
          throw invalidField(["idempotency-key"], "was used for another request", "idempotency_key_reused", "header");
        }
        this.deps.observer.replayed(operation);
        return JSON.parse(known.answer) as T;
      }
      return await change((tx, answer) =>
        tx.putIdempotentAnswer({
          tokenId,
          operation,
          key,
          requestHash,
          answer: JSON.stringify(answer),
          createdAt: now,
        }),
      );
    } finally {
      this.#inFlight.delete(flight);
    }
  }

  /** Forgets the answers that are older than 24 hours, in transactions between which others write. */
  async prune(signal?: AbortSignal): Promise<void> {
    const before = addSeconds(instantOf(this.deps.clock.now()), -KEPT_SECONDS);
    const forget = (tx: Writer) => tx.deleteIdempotentAnswers(before, PRUNED_AT_ONCE);
    await inSteps(async () => (await this.deps.store.write(forget)) > 0, signal);
  }
}

function fingerprintOf(request: unknown): string {
  return `${FINGERPRINT_VERSION}:${createHash("sha256").update(JSON.stringify(request)).digest("hex")}`;
}

/** Fingerprints of the first version have no number. */
function isComparable(requestHash: string): boolean {
  return requestHash.startsWith(`${FINGERPRINT_VERSION}:`);
}
