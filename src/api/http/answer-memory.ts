import { Scope } from "../../../gen/signet/v1/options_pb.js";
import type { LimitObserver } from "../../core/limit.js";
import { AppError } from "../../core/error.js";
import { Semaphore } from "../../core/schedule/semaphore.js";
import type { Call } from "../admission/call.js";
import { afterThisEvent } from "./hang-up.js";
import { isGone } from "./answer.js";
import type { NodeResponse } from "./node-http.js";

/** Smaller answers are not counted: the number of requests bounds them. */
const COUNTED_BYTES = 16 * 1024;

/** The part of the whole that one token may hold: a client that does not read must leave memory for others. */
const TOKEN_PART = 2;

/** Concurrent reads of a token: what they read is in memory too, and its size is not known before. */
const READS_AT_ONCE = 2;

/** An unread answer of this age is cut when its memory is needed: 16 MiB at 4 Mbit/s take that long. */
const PATIENCE_MS = 30_000;

interface Waiting {
  readonly tokenId: number;
  readonly bytes: number;
  readonly sinceMs: number;
  readonly res: NodeResponse;
}

interface OfToken {
  bytes: number;
  /** The oldest first. */
  readonly waiting: Set<Waiting>;
  readonly reads: Semaphore;
}

/**
 * Limits the memory of all answers that their clients have not read yet. A token that has used its part gets no more reads until its
 * clients read, or until its oldest answer is old enough to be cut; when all memory is used, the token that uses most loses its
 * oldest answer. A single answer is never too large.
 */
export class AnswerMemory {
  readonly #perToken = new Map<number, OfToken>();
  #heldBytes = 0;

  constructor(
    private readonly maxBytes: number,
    private readonly observer: LimitObserver,
  ) {}

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Before a request is worked on. Reads take turns, a few of each token at once. Throws `unavailable` for reads and runtimes when the
   * token's answers wait for their clients, `cancelled` when the client has disconnected by then.
   */
  async begin({ principal: { tokenId }, operation }: Call, res: NodeResponse): Promise<PendingAnswer> {
    const isRead = operation.scope === Scope.READ && !operation.runtimeTraffic;
    const endRead = isRead ? await this.#beginRead(tokenId) : undefined;
    const pending = new PendingAnswer(this, tokenId, res, endRead);
    try {
      if (isGone(res)) throw new AppError("cancelled", "the request was cancelled");
      if (isRead || operation.runtimeTraffic) this.#admit(tokenId);
      return pending;
    } catch (thrown) {
      pending[Symbol.dispose]();
      throw thrown;
    }
  }

  async #beginRead(tokenId: number): Promise<() => void> {
    const held = this.#of(tokenId);
    const lease = await held.reads.acquire();
    return () => {
      lease[Symbol.dispose]();
      this.#tidy(tokenId, held);
    };
  }

  #admit(tokenId: number): void {
    const held = this.#perToken.get(tokenId);
    if (held === undefined || held.bytes < this.maxBytes / TOKEN_PART) return;
    for (const waiting of held.waiting) if (isAbandoned(waiting.res)) this.#drop(waiting);
    if (held.bytes < this.maxBytes / TOKEN_PART) return;
    const [oldest] = held.waiting;
    if (oldest !== undefined && performance.now() - oldest.sinceMs >= PATIENCE_MS) {
      this.#cut(oldest);
      return;
    }
    const message = "too many large responses of this token are unread; retry in a moment";
    throw new AppError("unavailable", message, { reason: "too_many_answers", retryAfterSeconds: 1 });
  }

  /** Called by PendingAnswer: counts bytes that are handed over to be sent, until the response closes. */
  hold(tokenId: number, bytes: number, res: NodeResponse): void {
    if (bytes < COUNTED_BYTES || isGone(res)) return;
    const waiting = { tokenId, bytes, sinceMs: performance.now(), res };
    const held = this.#of(tokenId);
    held.bytes += bytes;
    held.waiting.add(waiting);
    this.#heldBytes += bytes;
    res.once("close", () => this.#release(waiting));
    while (this.#heldBytes > this.maxBytes) {
      const oldest = this.#oldestOfMost();
      if (oldest === undefined || oldest === waiting) return;
      this.#cut(oldest);
    }
  }

  #cut(waiting: Waiting): void {
    this.observer.refused("max_answer_memory_bytes");
    this.#drop(waiting);
  }

  #drop(waiting: Waiting): void {
    this.#release(waiting);
    afterThisEvent(() => waiting.res.destroy());
  }

  #release(waiting: Waiting): void {
    const held = this.#perToken.get(waiting.tokenId);
    if (held?.waiting.delete(waiting) !== true) return;
    held.bytes -= waiting.bytes;
    this.#heldBytes -= waiting.bytes;
    this.#tidy(waiting.tokenId, held);
  }

  #of(tokenId: number): OfToken {
    const held = this.#perToken.get(tokenId) ?? { bytes: 0, waiting: new Set(), reads: new Semaphore(READS_AT_ONCE) };
    this.#perToken.set(tokenId, held);
    return held;
  }

  #tidy(tokenId: number, held: OfToken): void {
    if (held.waiting.size === 0 && held.reads.isIdle && this.#perToken.get(tokenId) === held)
      this.#perToken.delete(tokenId);
  }

  #oldestOfMost(): Waiting | undefined {
    let most: OfToken | undefined;
    for (const held of this.#perToken.values()) if (most === undefined || held.bytes > most.bytes) most = held;
    const [oldest] = most?.waiting ?? [];
    return oldest;
  }
}

/** The client has reset the stream without an error: Node keeps the answer although it can no longer be sent. */
function isAbandoned(res: NodeResponse): boolean {
  return "stream" in res && res.stream.closed;
}

/** The answer of a request that is worked on. Dispose of it when the work is over. */
export class PendingAnswer implements Disposable {
  constructor(
    private readonly memory: AnswerMemory,
    private readonly tokenId: number,
    private readonly res: NodeResponse,
    private readonly endRead: (() => void) | undefined,
  ) {
    if (endRead !== undefined) res.once("close", endRead);
  }

  /** Bytes are handed over to be sent. */
  hold(bytes: number): void {
    this.memory.hold(this.tokenId, bytes, this.res);
    this.endRead?.();
  }

  [Symbol.dispose](): void {
    this.endRead?.();
  }
}
