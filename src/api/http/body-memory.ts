import { AppError } from "../../core/error.js";
import type { WorkOwner } from "../../core/schedule/fair-scheduler.js";
import { UNGUARDED, type LargeWork } from "../../core/schedule/large-work.js";
import { isGone } from "./answer.js";
import type { NodeResponse } from "./node-http.js";

/** The part of the whole that one token may hold, so that slow senders leave memory for others. */
const TOKEN_PART = 4;

/** A body above this size is large work. */
const LARGE_BYTES = 256 * 1024;

/** The most bytes that DEFLATE makes of one (RFC 1951: a match of 258 bytes in two bits). Brotli has no such bound. */
const MAX_DEFLATE_RATIO = 1032;

/**
 * Limits the memory of all request bodies, as sent and as decompressed. Their parsed form is not counted, and is a few times as much.
 *
 * An organization may hold as much as it leaves free for the others: half of all when it is alone, a third when there are two. So
 * there is always memory for the next one.
 */
export class BodyMemory {
  readonly #maxTokenBytes: number;
  readonly #alwaysBytes: number;
  readonly #perToken = new Map<number, number>();
  readonly #perOrganization = new Map<string, number>();
  #heldBytes = 0;

  /**
   * @param maxBodyBytes each organization may hold two of them, as long as there is memory: one as sent, and what it decompresses to
   * @param guard asked once for each large body
   */
  constructor(
    private readonly maxBytes: number,
    maxBodyBytes: number,
    readonly guard: LargeWork = UNGUARDED,
  ) {
    this.#alwaysBytes = 2 * maxBodyBytes;
    this.#maxTokenBytes = Math.max(maxBytes / TOKEN_PART, this.#alwaysBytes);
    this.maxBytes = Math.max(maxBytes, this.#maxTokenBytes);
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** A share for the body of one request. Dispose of it when the request no longer needs it. */
  open(owner: WorkOwner): BodyShare {
    return new BodyShare(this, owner);
  }

  /** As `open`, until the answer is over. Throws `cancelled` when it is over already: nothing would release the share. */
  openUntilClose(owner: WorkOwner, res: NodeResponse): BodyShare {
    if (isGone(res)) throw new AppError("cancelled", "the request was cancelled");
    const share = this.open(owner);
    res.once("close", () => share[Symbol.dispose]());
    return share;
  }

  /** Called by BodyShare. Throws `unavailable` when there is not enough memory. */
  change({ orgId, tokenId }: WorkOwner, bytes: number): void {
    const ofToken = (this.#perToken.get(tokenId) ?? 0) + bytes;
    const ofOrganization = (this.#perOrganization.get(orgId) ?? 0) + bytes;
    const freeBytes = this.maxBytes - this.#heldBytes - bytes;
    const isFair = ofToken <= this.#maxTokenBytes && ofOrganization <= Math.max(freeBytes, this.#alwaysBytes);
    if (bytes > 0 && (freeBytes < 0 || !isFair)) {
      const message = "too many large requests at once; retry in a moment";
      throw new AppError("unavailable", message, { reason: "too_many_bodies", retryAfterSeconds: 1 });
    }
    this.#heldBytes += bytes;
    setOrDelete(this.#perToken, tokenId, ofToken);
    setOrDelete(this.#perOrganization, orgId, ofOrganization);
  }
}

/** What one request holds. */
export class BodyShare implements Disposable {
  #bytes = 0;
  #isOver = false;
  #work: Disposable | null = null;

  constructor(
    private readonly memory: BodyMemory,
    private readonly owner: WorkOwner,
  ) {}

  /** Takes more. Throws `unavailable` when there is not enough memory. */
  take(bytes: number): void {
    if (this.#isOver) return;
    if (this.#bytes + bytes > LARGE_BYTES) this.#work ??= this.memory.guard.begin();
    this.memory.change(this.owner, bytes);
    this.#bytes += bytes;
  }

  giveBack(bytes: number): void {
    this.take(-bytes);
  }

  [Symbol.dispose](): void {
    this.take(-this.#bytes);
    this.#isOver = true;
    this.#work?.[Symbol.dispose]();
  }
}

function setOrDelete<K>(held: Map<K, number>, key: K, bytes: number): void {
  if (bytes === 0) held.delete(key);
  else held.set(key, bytes);
}

/** The most that a body can decompress to. */
export function decompressedAtMost(coding: string, bytes: number, maxBytes: number): number {
  return coding === "br" ? maxBytes : Math.min(bytes * MAX_DEFLATE_RATIO, maxBytes);
}
