import { AppError } from "../../core/error.js";
import { isGone } from "../rest/answer.js";
import type { NodeResponse } from "./node-http.js";

/** The part of the whole that one token may hold, so that nobody else waits for a client that sends slowly. */
const TOKEN_PART = 4;

/** What DEFLATE can make of a byte at most (RFC 1951: a match of 258 bytes in two bits). Brotli has no such bound. */
const MAX_DEFLATE_RATIO = 1032;

/**
 * Memory for the bodies of requests, all together, as sent and as decompressed. What is parsed of them comes on top, and is a few times
 * as much.
 */
export class BodyMemory {
  readonly #maxTokenBytes: number;
  readonly #perToken = new Map<number, number>();
  #heldBytes = 0;

  /** @param maxBodyBytes room for two of them is always made: one as sent, and what it decompresses to. */
  constructor(
    private readonly maxBytes: number,
    maxBodyBytes: number,
  ) {
    this.#maxTokenBytes = Math.max(maxBytes / TOKEN_PART, 2 * maxBodyBytes);
    this.maxBytes = Math.max(maxBytes, this.#maxTokenBytes);
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** A share for the body of one request. To be disposed of when the request needs it no more. */
  open(tokenId: number): BodyShare {
    return new BodyShare(this, tokenId);
  }

  /** As `open`, until the answer is over. Throws `cancelled` when it is already: nobody would give back what is taken from then on. */
  openUntilClose(tokenId: number, res: NodeResponse): BodyShare {
    if (isGone(res)) throw new AppError("cancelled", "the request was cancelled");
    const share = this.open(tokenId);
    res.once("close", () => share[Symbol.dispose]());
    return share;
  }

  /** For shares themselves. Throws `unavailable` when there is no room. */
  change(tokenId: number, bytes: number): void {
    const ofToken = (this.#perToken.get(tokenId) ?? 0) + bytes;
    if (bytes > 0 && (this.#heldBytes + bytes > this.maxBytes || ofToken > this.#maxTokenBytes)) {
      const message = "too many large requests at once; come back in a moment";
      throw new AppError("unavailable", message, { reason: "too_many_bodies", retryAfterSeconds: 1 });
    }
    this.#heldBytes += bytes;
    if (ofToken === 0) this.#perToken.delete(tokenId);
    else this.#perToken.set(tokenId, ofToken);
  }
}

/** What one request holds. */
export class BodyShare implements Disposable {
  #bytes = 0;
  #isOver = false;

  constructor(
    private readonly memory: BodyMemory,
    private readonly tokenId: number,
  ) {}

  /** Takes more. Throws `unavailable` when there is no room. */
  take(bytes: number): void {
    if (this.#isOver) return;
    this.memory.change(this.tokenId, bytes);
    this.#bytes += bytes;
  }

  giveBack(bytes: number): void {
    this.take(-bytes);
  }

  [Symbol.dispose](): void {
    this.take(-this.#bytes);
    this.#isOver = true;
  }
}

/** The most that a body can decompress to. */
export function decompressedAtMost(coding: string, bytes: number, maxBytes: number): number {
  return coding === "br" ? maxBytes : Math.min(bytes * MAX_DEFLATE_RATIO, maxBytes);
}
