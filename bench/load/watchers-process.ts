/** The process of Watchers. */
import { now } from "../figures.js";
import { GrpcStream, opening } from "./grpc-stream.js";
import type { Asked, Told, WatchCall } from "./watchers.js";

function tell(told: Told): void {
  process.send?.(told);
}

class Streams {
  readonly #streams = new Set<GrpcStream>();
  #failures: Record<string, number> = {};
  #failed = 0;
  #count = 0;
  #largestBytes = 0;
  #first: number[] = [];
  #expected: { readonly minBytes: number; readonly at: Map<GrpcStream, number> } | null = null;

  open(call: WatchCall, count: number, atOnce: number): void {
    const bytes = opening(call.path, call.headers, Buffer.from(call.message, "base64"), call.half);
    this.#count = count;
    this.#first = [];
    this.#failures = {};
    this.#failed = 0;
    this.#largestBytes = 0;
    let started = 0;
    let waiting = 0;
    const next = () => {
      for (; started < count && waiting < atOnce; started += 1, waiting += 1) this.#start(call.port, bytes, settled);
    };
    const settled = () => {
      waiting -= 1;
      next();
      if (this.#first.length + this.#failed < count) return;
      tell({ kind: "opened", at: this.#first, largestBytes: this.#largestBytes, failures: this.#failures });
    };
    next();
  }

  expect(minBytes: number): void {
    this.#expected = { minBytes, at: new Map() };
    tell({ kind: "listening" });
    this.#checkArrived();
  }

  close(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
    tell({ kind: "closed" });
  }

  #start(port: number, opened: Buffer, settled: () => void): void {
    let isFirst = true;
    const stream = new GrpcStream(port, opened, {
      message: (bytes) => {
        if (isFirst) {
          isFirst = false;
          this.#first.push(now());
          this.#largestBytes = Math.max(this.#largestBytes, bytes);
          settled();
        } else if (this.#expected !== null && bytes >= this.#expected.minBytes) {
          this.#expected.at.set(stream, now());
          this.#checkArrived();
        }
      },
      ended: (why) => {
        this.#streams.delete(stream);
        this.#failed += 1;
        this.#failures[why] = (this.#failures[why] ?? 0) + 1;
        if (isFirst) settled();
        this.#checkArrived();
      },
    });
    this.#streams.add(stream);
  }

  #checkArrived(): void {
    if (this.#expected === null || this.#expected.at.size + this.#failed < this.#count) return;
    tell({ kind: "arrived", at: [...this.#expected.at.values()], failures: this.#failures });
    this.#expected = null;
  }
}

const streams = new Streams();
process.on("message", (asked: Asked) => {
  if (asked.kind === "open") streams.open(asked.call, asked.count, asked.atOnce);
  else if (asked.kind === "expect") streams.expect(asked.minBytes);
  else streams.close();
});
process.on("disconnect", () => process.exit());
