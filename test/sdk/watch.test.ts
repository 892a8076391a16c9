import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import type { WatchBundleResponse } from "../../gen/signet/v1/runtime_pb.js";
import { SignetError } from "../../src/sdk/signet-error.js";
import { parsePublicKey } from "../../src/bundle/keys.js";
import { activationsOf } from "../../src/sdk/watch.js";
import type { WatchOptions } from "../../src/sdk/watch-options.js";
import {
  brief,
  collect,
  endAfter,
  failAfter,
  isActivation,
  scriptedServer,
  serverError,
  stayOpen,
  watch,
} from "./scripted-server.js";
import { heartbeat, nothingActive, otherSigner, push, trustedKey } from "./signed-push.js";

describe("watchBundle", () => {
  it("yields what is active, verified, with the exact document", async () => {
    const message = await push(3);
    const server = scriptedServer(stayOpen(message));
    const events = await collect(watch(server), isActivation(3));
    expect(events.map(brief)).toEqual(["connected 3", "3"]);
    const [, event] = events;
    if (event?.type !== "activation") throw new Error("no activation");
    expect(event.activation).toMatchObject({
      kind: "publish",
      version: 3,
      deploymentId: "deployment-3",
      document: message.event.case === "activation" ? message.event.value.document : "",
      activatedAt: new Date("2026-04-22T12:00:05.250Z"),
    });
    expect(event.activation.bundle.document.policies).toEqual({ rule: "v3" });
    expect(server.tokens).toEqual(["Bearer the-token"]);
  });

  it.each([0, 1, 4, 4_294_967_295])("resumes at cursor %i", async (afterSequence) => {
    const server = scriptedServer(stayOpen(heartbeat(afterSequence)));
    await collect(watch(server, { afterSequence, labels: { zone: "a" } }), ({ type }) => type === "heartbeat");
    expect(server.requests).toMatchObject([{ afterSequence, instanceId: "test", labels: { zone: "a" } }]);
  });

  it("loses nothing across reconnects and asks from the newest that it yielded", async () => {
    const server = scriptedServer(
      endAfter(push(1), push(2)),
      failAfter(new ConnectError("shutting down", Code.Unavailable), push(3)),
      failAfter(new ConnectError("reset", Code.Aborted)),
      stayOpen(push(4)),
    );
    const events = await collect(watch(server), isActivation(4));
    expect(events.filter(({ type }) => type === "activation").map(brief)).toEqual(["1", "2", "3", "4"]);
    expect(events.filter(({ type }) => type === "reconnecting")).toHaveLength(3);
    expect(server.requests.map(({ afterSequence }) => afterSequence)).toEqual([0, 2, 3, 3]);
  });

  it("never goes back and never repeats within a stream", async () => {
    const server = scriptedServer(stayOpen(push(5), push(4), push(5), heartbeat(5), push(3), push(6), push(9)));
    const events = await collect(watch(server), isActivation(9));
    expect(events.map(brief)).toEqual(["connected 5", "5", "heartbeat", "6", "9"]);
  });

  it("does not repeat what the cursor has", async () => {
    const server = scriptedServer(stayOpen(push(5), push(6)));
    const events = await collect(watch(server, { afterSequence: 5 }), isActivation(6));
    expect(events.map(brief)).toEqual(["connected 6", "6"]);
  });

  it("follows a server that lost its history, and says so", async () => {
    const server = scriptedServer(endAfter(push(8)), stayOpen(push(2), push(3)));
    const events = await collect(watch(server), isActivation(3));
    expect(events.map(brief)).toEqual([
      "connected 8",
      "8",
      "reconnecting unavailable",
      "connected 2",
      "2 history lost",
      "3",
    ]);
  });

  it("follows a server that has another activation of the same number, and says that history was lost", async () => {
    const server = scriptedServer(
      endAfter(push(8)),
      stayOpen(push(8, { deploymentId: "another", version: 3 }), push(9)),
    );
    const events = await collect(watch(server), isActivation(9));
    expect(events.filter(({ type }) => type === "activation").map(brief)).toEqual(["8", "8 history lost", "9"]);
    expect(server.requests.map(({ afterDeploymentId }) => afterDeploymentId)).toEqual(["", "deployment-8"]);
  });

  it("comes back with the activation that it was given", async () => {
    const server = scriptedServer(stayOpen(push(5), push(6)));
    const options = { afterSequence: 5, afterDeploymentId: "deployment-5" };
    const events = await collect(watch(server, options), isActivation(6));
    expect(events.map(brief)).toEqual(["connected 6", "6"]);
    expect(server.requests).toMatchObject([options]);
  });

  it("tells that nothing is active, and starts over from there when history was lost", async () => {
    const server = scriptedServer(
      endAfter(nothingActive(0)),
      endAfter(push(7)),
      endAfter(nothingActive(0)),
      stayOpen(push(1)),
    );
    const events = await collect(watch(server), isActivation(1));
    expect(events.filter(({ type }) => type !== "connected" && type !== "reconnecting").map(brief)).toEqual([
      "nothing active",
      "7",
      "nothing active history lost",
      "1",
    ]);
    expect(server.requests.map(({ afterSequence }) => afterSequence)).toEqual([0, 0, 7, 0]);
  });

  describe("of a bundle that was published before one that it holds", () => {
    const older = { version: 99, publishedAt: "2026-04-01T00:00:00+00:00" };
    const seen = async (...pushes: Promise<WatchBundleResponse>[]) => {
      const events = await collect(watch(scriptedServer(stayOpen(push(5), ...pushes, push(9)))), isActivation(9));
      return events.slice(2).map(brief);
    };

    it.each(["publish", "promote", "", "restored"])("refuses it as a new one: %s", async (kind) => {
      expect(await seen(push(6, { ...older, kind }))).toEqual(["rejected 6 rolled_back", "9"]);
    });

    it.each(["rollback", "activate"])("takes a %s, and holds what it held", async (kind) => {
      const again = push(7, { ...older, publishedAt: "2026-04-02T00:00:00+00:00" });
      expect(await seen(push(6, { ...older, kind }), again)).toEqual(["6", "rejected 7 rolled_back", "9"]);
    });

    it("takes one of the same second", async () => {
      expect(await seen(push(6))).toEqual(["6", "9"]);
    });

    it("refuses it after a reconnect too, and takes it from a server that lost its history", async () => {
      const server = scriptedServer(endAfter(push(5)), endAfter(push(6, older)), stayOpen(push(3, older)));
      const events = (await collect(watch(server), isActivation(3))).map(brief);
      expect(events.filter((it) => !/connect/.test(it))).toEqual(["5", "rejected 6 rolled_back", "3 history lost"]);
    });

    it("takes it after nothing was active any more", async () => {
      const server = scriptedServer(endAfter(push(5)), endAfter(nothingActive(0)), stayOpen(push(1, older)));
      const events = (await collect(watch(server), isActivation(1))).map(brief);
      expect(events.at(-1)).toBe("1");
    });

    it("knows what it holds from the cache", async () => {
      const cached = (await push(5)).event;
      if (cached.case !== "activation") throw new Error("no activation");
      const { $typeName: _, activatedAt: _at, ...value } = cached.value;
      const cache = { load: async () => ({ ...value, activatedAt: "2026-04-22T12:00:05Z" }), store: async () => {} };
      const server = scriptedServer(stayOpen(push(6, older), push(9)));
      const events = (await collect(watch(server, { cache }), isActivation(9))).map(brief);
      expect(events).toContain("rejected 6 rolled_back");
    });
  });

  it("rejects what does not verify, goes on, and asks for it again", async () => {
    const server = scriptedServer(
      endAfter(
        push(1),
        push(2, { tamper: (text) => text.replace('"rule":"v2"', '"rule":"v3"') }),
        push(3, { signer: otherSigner }),
        push(4, { environment: "prod" }),
        push(5, { tamper: () => "{" }),
      ),
      stayOpen(push(6)),
    );
    const events = await collect(watch(server, { expect: { environment: "dev" } }), isActivation(6));
    expect(events.map(brief)).toEqual([
      "connected 1",
      "1",
      "rejected 2 hash",
      "rejected 3 unknown_key",
      "rejected 4 identity",
      "rejected 5 malformed",
      "reconnecting unavailable",
      "connected 6",
      "6",
    ]);
    expect(server.requests.map(({ afterSequence }) => afterSequence)).toEqual([0, 1]);
  });

  it.each([{ version: 9 }, { policyHash: `sha256:${"0".repeat(64)}` }])(
    "rejects a good document that is not the one the activation names: %j",
    async (change) => {
      const wrong = await push(2);
      Object.assign(wrong.event.value ?? {}, change);
      const events = await collect(watch(scriptedServer(stayOpen(push(1), wrong, push(3)))), isActivation(3));
      expect(events.map(brief)).toEqual(["connected 1", "1", "rejected 2 mismatch", "3"]);
    },
  );

  it.each([
    [Code.Unauthenticated, "unauthenticated"],
    [Code.PermissionDenied, "forbidden"],
    [Code.NotFound, "not_found"],
    [Code.InvalidArgument, "invalid"],
  ])("ends on RPC code %i with a clear error, when a Signet server said so", async (code, name) => {
    const server = scriptedServer(failAfter(serverError(code, name), push(1)));
    const seen: string[] = [];
    const run = async () => {
      for await (const event of watch(server)) seen.push(brief(event));
    };
    await expect(run()).rejects.toMatchObject({ constructor: SignetError, code: name, message: "the reason" });
    expect(seen).toEqual(["connected 1", "1"]);
    expect(server.requests).toHaveLength(1);
  });

  it.each([Code.Unauthenticated, Code.PermissionDenied, Code.NotFound, Code.InvalidArgument])(
    "is not ended by a proxy that answers with RPC code %i",
    async (code) => {
      const server = scriptedServer(failAfter(new ConnectError("<html>", code)), stayOpen(push(1)));
      const events = await collect(watch(server), isActivation(1));
      expect(events.map(({ type }) => type)).toEqual(["reconnecting", "connected", "activation"]);
    },
  );

  it("asks for the keys at each document, so that a key can be replaced under it", async () => {
    const server = scriptedServer(
      stayOpen(push(1), push(2, { signer: otherSigner }), push(3, { signer: otherSigner })),
    );
    const other = parsePublicKey(otherSigner.publicKeyPem);
    const sources = [[trustedKey], Promise.reject(new Error("no such file")), Promise.resolve([other])] as const;
    void sources[1].catch(() => undefined);
    let asked = 0;
    const keys = () => sources[asked++] ?? [];
    const events = await collect(watch(server, { keys }), isActivation(3));
    expect(events.map(brief)).toEqual(["connected 1", "1", "rejected 2 unknown_key", "3"]);
  });

  it.each<[string, object]>([
    ["keys", { keys: "-----BEGIN PUBLIC KEY-----" }],
    ["keys", { keys: [trustedKey, "-----BEGIN PUBLIC KEY-----"] }],
    ["keys", { keys: undefined }],
    ["expect", { expect: undefined }],
    ["expect.orgId", { expect: { orgId: "acme" } }],
    ["expect.environment", { expect: { environment: 7 } }],
    ["instanceId", { instanceId: "i".repeat(129) }],
    ["signal", { signal: undefined }],
    ["afterSequence", { afterSequence: 1.5 }],
    ["labels.zone", { labels: { zone: 1 } }],
    ["heartbeatMs", { heartbeatMs: 0 }],
    ["maxAgeMs", { maxAgeMs: NaN }],
    ["cache", { cache: {} }],
    ["requireSignatureV2", { requireSignatureV2: "no" }],
    ["verifier", { verifier: {} }],
  ])("refuses wrong options when it is called, and asks nobody: %s", (name, wrong) => {
    const server = scriptedServer(stayOpen(push(1)));
    expect(() => watch(server, wrong as Partial<WatchOptions>)).toThrow(
      expect.objectContaining({ name: "TypeError", message: expect.stringMatching(`^${name} must be `) as string }),
    );
    expect(server.requests).toHaveLength(0);
  });

  it("ends when it is aborted while idle, and the server hears of it", async () => {
    const stop = new AbortController();
    const server = scriptedServer(stayOpen(push(1)));
    const seen: string[] = [];
    for await (const event of watch(server, { signal: stop.signal })) {
      seen.push(brief(event));
      if (event.type === "activation") queueMicrotask(() => stop.abort());
    }
    expect(seen).toEqual(["connected 1", "1"]);
    expect(server.ended).toEqual([0]);
  });

  it("ends when it is aborted while it waits to reconnect", async () => {
    const stop = new AbortController();
    const server = scriptedServer(endAfter());
    const backoff = { baseMs: 3_600_000, maxMs: 3_600_000, random: () => 0.99 };
    for await (const event of watch(server, { signal: stop.signal, backoff })) {
      expect(event.type).toBe("reconnecting");
      queueMicrotask(() => stop.abort());
    }
    expect(server.requests).toHaveLength(1);
  });

  it("does nothing when it is aborted before it starts", async () => {
    const server = scriptedServer(stayOpen(push(1)));
    expect((await watch(server, { signal: AbortSignal.abort() }).next()).done).toBe(true);
    expect(server.requests).toHaveLength(0);
  });

  it("lets the connection go when the consumer leaves", async () => {
    const server = scriptedServer(stayOpen(push(1)));
    for await (const activation of activationsOf(watch(server))) {
      expect(activation.sequence).toBe(1);
      break;
    }
    expect(server.ended).toEqual([0]);
  });
});
