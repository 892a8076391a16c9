import { Writable } from "node:stream";
import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { WatchBundleResponseSchema } from "../../../gen/signet/v1/runtime_pb.js";
import { streamFormat } from "../../../src/api/rest/stream-format.js";
import { writeStream } from "../../../src/api/rest/stream.js";
import { AppError } from "../../../src/core/error.js";

const format = streamFormat(undefined, { desc: WatchBundleResponseSchema, responseField: undefined });

/** A reader that takes one chunk each time it is told to. */
function slowReader() {
  const taken: string[] = [];
  const waiting: (() => void)[] = [];
  const out = new Writable({
    highWaterMark: 1,
    write(chunk, _encoding, done) {
      taken.push(String(chunk));
      waiting.push(done);
    },
  });
  return { out, taken, take: () => waiting.shift()?.() };
}

/** Long enough for everything that waits for nothing but a promise. */
const settle = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

describe("writeStream", () => {
  it("asks for a message when the ones before are taken", async () => {
    const { out, taken, take } = slowReader();
    let asked = 0;
    async function* messages() {
      for (; asked < 3;) yield create(WatchBundleResponseSchema, { sequence: ++asked });
    }
    const gone = new AbortController();
    let begun = 0;
    const done = writeStream(messages(), { out, format, requestId: "r", begin: () => begun++, gone: gone.signal });
    for (const expected of [1, 2, 3]) {
      await settle();
      expect([asked, taken.length, begun]).toEqual([expected, expected, 1]);
      take();
    }
    expect(await done).toBeUndefined();
    expect(taken.map((line) => (JSON.parse(line) as { sequence: number }).sequence)).toEqual([1, 2, 3]);
  });

  it("a reader that never reads and leaves ends it, and the generator", async () => {
    const { out, taken } = slowReader();
    let ended = false;
    async function* messages() {
      try {
        for (;;) yield create(WatchBundleResponseSchema, {});
      } finally {
        ended = true;
      }
    }
    const gone = new AbortController();
    const done = writeStream(messages(), { out, format, requestId: "r", begin: () => undefined, gone: gone.signal });
    await settle();
    gone.abort(new AppError("cancelled", "gone"));
    expect(await done).toMatchObject({ code: "cancelled" });
    await settle();
    expect([ended, taken.length]).toEqual([true, 1]);
  });

  it("asks nothing when the reader has left before", async () => {
    const { out } = slowReader();
    let asked = false;
    async function* messages() {
      asked = true;
      yield create(WatchBundleResponseSchema, {});
    }
    const gone = AbortSignal.abort(new AppError("cancelled", "gone"));
    const begin = () => undefined;
    await expect(writeStream(messages(), { out, format, requestId: "r", begin, gone })).rejects.toMatchObject({
      code: "cancelled",
    });
    expect(asked).toBe(false);
  });
});
