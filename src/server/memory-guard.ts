import { getHeapStatistics } from "node:v8";
import { AppError } from "../core/error.js";
import type { LargeWork } from "../core/schedule/large-work.js";
import type { MemoryLimits } from "./memory-limits.js";

/** The memory in use now, in bytes. */
export interface MemoryUse {
  readonly heapBytes: number;
  readonly rssBytes: number;
}

/**
 * Refuses large work while the process uses more than a share of its heap or of its memory, so that some callers get 503 instead of all
 * losing the server.
 *
 * Memory in use may be garbage that is not yet collected. So one piece of work at a time is let through, which makes V8 collect it,
 * until the heap is nearly full.
 */
export class MemoryGuard implements LargeWork {
  readonly #maxHeapBytes: number;
  readonly #maxLastHeapBytes: number;
  readonly #maxRssBytes: number;
  #current = 0;

  constructor(
    { heapBytes, processBytes }: MemoryLimits,
    maxPercent: number,
    private readonly use: () => MemoryUse = memoryUse,
  ) {
    const share = maxPercent / 100;
    this.#maxHeapBytes = heapBytes * share;
    this.#maxLastHeapBytes = heapBytes * ((1 + share) / 2);
    this.#maxRssBytes = processBytes * share;
  }

  begin(): Disposable {
    const { heapBytes, rssBytes } = this.use();
    const isShort = heapBytes > this.#maxHeapBytes || rssBytes > this.#maxRssBytes;
    if (isShort && (this.#current > 0 || heapBytes > this.#maxLastHeapBytes)) {
      const message = "the server's memory is nearly full: retry in a moment";
      throw new AppError("unavailable", message, { reason: "memory_full", retryAfterSeconds: 1 });
    }
    this.#current += 1;
    let isOver = false;
    return {
      [Symbol.dispose]: () => {
        if (!isOver) this.#current -= 1;
        isOver = true;
      },
    };
  }
}

function memoryUse(): MemoryUse {
  return { heapBytes: getHeapStatistics().used_heap_size, rssBytes: process.memoryUsage.rss() };
}
