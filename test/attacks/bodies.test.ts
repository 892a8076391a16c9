import { randomBytes } from "node:crypto";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { PublishBundleRequestSchema } from "../../gen/signet/v1/bundle_pb.js";
import { BodyMemory } from "../../src/api/http/body-memory.js";
import { AppError } from "../../src/core/error.js";
import { KEYS, openRig, ORG } from "../api/http/rig.js";
import { frame, http2Call, openHttp2 } from "../api/http/wire.js";
import { expectServed } from "./served.js";

const MIB = 1024 * 1024;
const PUBLISH = "/signet.v1.BundleService/PublishBundle";
const WATCH = "/signet.v1.RuntimeService/WatchBundle";
const RESOURCE_EXHAUSTED = "8";
const UNAVAILABLE = "14";

const grpc = (key: string, more: Record<string, string> = {}) => ({
  ...{ "content-type": "application/grpc", te: "trailers", "x-api-key": key },
  ...more,
});
const message = (text: string) =>
  toBinary(
    PublishBundleRequestSchema,
    create(PublishBundleRequestSchema, { orgId: ORG, policies: JSON.stringify({ text }) }),
  );
const owner = (orgId: string, tokenId: number) => ({ orgId, tokenId });
const large = message("x".repeat(40 * MIB));

describe("a message over the limit is refused, and counted", () => {
  test.each([
    ["of gRPC", grpc(KEYS.ci), frame(0, message("x".repeat(2 * MIB)))],
    ["of gRPC that never comes", grpc(KEYS.ci, { "content-length": String(2 ** 31) }), undefined],
    ["of gRPC, once it is decompressed", grpc(KEYS.ci, { "grpc-encoding": "gzip" }), frame(1, gzipSync(large))],
    ["of gRPC, by Brotli", grpc(KEYS.ci, { "grpc-encoding": "br" }), frame(1, brotliCompressSync(large))],
  ])("%s", async (_name, headers, body) => {
    await using rig = await openRig();
    using session = openHttp2(rig.url);
    const { headers: answered } = await http2Call(session, PUBLISH, headers, body);
    expect(answered["grpc-status"]).toBe(RESOURCE_EXHAUSTED);
    expect(rig.published).toEqual([]);
    expect(rig.finished.map(({ limit }) => limit)).toEqual(["max_body_bytes"]);
    expect(rig.bodyMemory.heldBytes).toBe(0);
    await expectServed(rig);
  });

  test.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
  ])("of Connect, by %s", async (encoding, compress) => {
    await using rig = await openRig();
    const body = compress(`{"orgId":"${ORG}","title":"${"x".repeat(40 * MIB)}"}`);
    const headers = { "content-type": "application/json", "content-encoding": encoding, "x-api-key": KEYS.ci };
    const answer = await fetch(rig.url + PUBLISH, { method: "POST", headers, body });
    expect(((await answer.json()) as { code: string }).code).toBe("resource_exhausted");
    expect(rig.published).toEqual([]);
    expect(rig.finished.map(({ limit }) => limit)).toEqual(["max_body_bytes"]);
    await expectServed(rig);
  });

  test("of a runtime, which has nothing to say that is long", async () => {
    await using rig = await openRig({ maxBodyBytes: 16 * MIB });
    using session = openHttp2(rig.url);
    const { headers } = await http2Call(session, WATCH, grpc(KEYS.runtime), frame(0, randomBytes(300_000)));
    expect(headers["grpc-status"]).toBe(RESOURCE_EXHAUSTED);
    expect(rig.contexts).toEqual([]);
  });
});

describe("bodies that are held", () => {
  test("have so much memory together, and a token a part of it", async () => {
    await using rig = await openRig({ maxBodyMemoryBytes: 16 * MIB });
    using attacker = openHttp2(rig.url);
    const body = frame(0, message("x".repeat(900_000)));
    // All but the last byte: they wait for it for minutes.
    const open = Array.from({ length: 8 }, () => {
      const stream = attacker.request({ ":method": "POST", ":path": PUBLISH, ...grpc(KEYS.ci) }, { endStream: false });
      const refused = new Promise((resolve) => stream.once("response", (headers) => resolve(headers["grpc-status"])));
      stream.on("error", () => undefined);
      stream.write(body.subarray(0, -1));
      return refused;
    });
    expect(await Promise.race(open)).toBe(UNAVAILABLE);
    expect(rig.bodyMemory.heldBytes).toBeLessThan(5 * MIB);
    using other = openHttp2(rig.url);
    const published = await http2Call(other, PUBLISH, grpc(KEYS.admin), body);
    expect(published.trailers["grpc-status"]).toBe("0");
    expect(rig.finished.map(({ limit }) => limit)).toContain("max_body_memory_bytes");
    attacker.destroy();
    await expect.poll(() => rig.bodyMemory.heldBytes, { timeout: 20_000 }).toBe(0);
  });

  test("are let go of when they are answered", async () => {
    await using rig = await openRig();
    using session = openHttp2(rig.url);
    for (let each = 0; each < 20; each += 1) {
      const body = frame(1, gzipSync(message("x".repeat(900_000))));
      const answer = await http2Call(session, PUBLISH, grpc(KEYS.ci, { "grpc-encoding": "gzip" }), body);
      expect(answer.trailers["grpc-status"]).toBe("0");
    }
    expect(rig.bodyMemory.heldBytes).toBe(0);
  });

  test("two of the largest always have room", () => {
    const memory = new BodyMemory(1, MIB);
    using share = memory.open(owner("a", 1));
    share.take(2 * MIB);
    expect(() => share.take(MIB)).toThrow(
      expect.objectContaining({ code: "unavailable", retryAfterSeconds: 1 }) as Error,
    );
    expect(memory.heldBytes).toBe(2 * MIB);
  });

  test("of all tokens together are no more than there is memory", () => {
    const memory = new BodyMemory(16 * MIB, MIB);
    const shares = Array.from({ length: 4 }, (_, tokenId) => memory.open(owner(`org ${tokenId}`, tokenId)));
    for (const share of shares) share.take(2 * MIB);
    for (const share of shares.slice(0, 2)) share.take(2 * MIB);
    for (const share of shares.slice(2)) expect(() => share.take(2 * MIB + 1)).toThrow("too many large requests");
    shares[0]?.[Symbol.dispose]();
    shares[0]?.take(MIB);
    expect(memory.heldBytes).toBe(8 * MIB);
    shares[2]?.take(2 * MIB);
    expect(memory.heldBytes).toBe(10 * MIB);
  });

  test("of one organization leave others as much, whatever it has of tokens", () => {
    const memory = new BodyMemory(64 * MIB, MIB);
    const greedy = Array.from({ length: 20 }, (_, tokenId) => memory.open(owner("greedy", tokenId)));
    const refused = greedy.filter((share) => {
      try {
        share.take(8 * MIB);
        return false;
      } catch {
        return true;
      }
    });
    expect(refused).toHaveLength(16);
    using second = memory.open(owner("second", 100));
    second.take(16 * MIB);
    using third = memory.open(owner("third", 101));
    third.take(8 * MIB);
    expect(memory.heldBytes).toBe(56 * MIB);
  });

  test("that are large are asked for at the guard, once each", () => {
    let current = 0;
    const begin = () => {
      if (current === 1) throw new AppError("unavailable", "full");
      current += 1;
      return { [Symbol.dispose]: () => void (current -= 1) };
    };
    const memory = new BodyMemory(64 * MIB, MIB, { begin });
    const [first, second] = [memory.open(owner("a", 1)), memory.open(owner("b", 2))];
    first.take(1024);
    first.take(MIB);
    first.take(MIB);
    second.take(1024);
    expect(() => second.take(MIB)).toThrow("full");
    expect(memory.heldBytes).toBe(2 * MIB + 2048);
    first[Symbol.dispose]();
    second.take(MIB);
    expect(current).toBe(1);
  });
});
