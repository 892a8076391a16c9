import { createHash } from "node:crypto";
import { instantOf, type Clock, type Instant } from "../../core/clock.js";
import { inSteps } from "../../core/schedule/in-steps.js";
import { AppError, invalidField } from "../../core/error.js";
import type { IdempotentAnswer, Store, Writer } from "../../store/store.js";
import type { ChangeRequest } from "../access/caller.js";
import type { IdempotencyObserver } from "./observers.js";

const KEPT_MS = 24 * 60 * 60 * 1000;
/**
 * Of what is hashed of a request. To be raised with every change of it, which test/upgrade tells: an answer that was stored under
 * another version is given without comparing, so that a retry across an upgrade gets the first result.
 */
const FINGERPRINT_VERSION = 4;
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
      const answered = async () => {
        const known = await this.deps.store.read.idempotentAnswer(tokenId, operation, key);
        return known === null ? null : this.#again<T>(known, operation, requestHash);
      };
      const known = await answered();
      if (known === "old") await this.prune();
      else if (known !== null) return known.answer;
      const remember: Remember<T> = (tx, answer) =>
        tx.insertIdempotentAnswer({
          tokenId,
          operation,
          key,
          requestHash,
          answer: JSON.stringify(answer),
          createdAt: now,
        });
      return await change(remember).catch(async (thrown: unknown) => {
        // Another node may have been asked the same meanwhile: only one of the two is kept, and this one may have failed by its effect.
        const meanwhile = await answered().catch((failure: unknown) => {
          throw failure instanceof AppError && failure.code === "invalid" ? failure : thrown;
        });
        if (meanwhile === null || meanwhile === "old") throw thrown;
        return meanwhile.answer;
      });
    } finally {
      this.#inFlight.delete(flight);
    }
  }

  /** A stored answer to a request, or that it is too old. Throws `invalid` when it belongs to another request. */
  #again<T>(known: IdempotentAnswer, operation: string, requestHash: string): { readonly answer: T } | "old" {
    if (known.createdAt < this.#keptSince()) return "old";
    if (known.requestHash !== requestHash && isComparable(known.requestHash)) {
      throw invalidField(["idempotency-key"], "was used for another request", "idempotency_key_reused", "header");
    }
    this.deps.observer.replayed(operation);
    return { answer: JSON.parse(known.answer) as T };
  }

  /** Forgets the answers that are older than 24 hours, in transactions between which others write. */
  async prune(signal?: AbortSignal): Promise<void> {
    const before = this.#keptSince();
    const forget = (tx: Writer) => tx.deleteIdempotentAnswers(before, PRUNED_AT_ONCE);
    await inSteps(async () => (await this.deps.store.write(forget)) > 0, signal);
  }

  /** Answers from before are forgotten: those of 24 hours ago, and older. */
  #keptSince(): Instant {
    return instantOf(new Date(this.deps.clock.now().getTime() - KEPT_MS + 1));
  }
}

function fingerprintOf(request: unknown): string {
  return `${FINGERPRINT_VERSION}:${createHash("sha256").update(JSON.stringify(request)).digest("hex")}`;
}

/** Fingerprints of the first version have no number. */
function isComparable(requestHash: string): boolean {
  return requestHash.startsWith(`${FINGERPRINT_VERSION}:`);
}
