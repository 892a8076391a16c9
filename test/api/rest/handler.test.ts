import { createMethodImplSpec } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { BundleService } from "../../../gen/signet/v1/bundle_pb.js";
import { RuntimeService } from "../../../gen/signet/v1/runtime_pb.js";
import { TokenService } from "../../../gen/signet/v1/token_pb.js";
import { callOf, httpStatusKey } from "../../../src/api/admission/call.js";
import { AppError, invalidField, notFound } from "../../../src/core/error.js";
import { implement, startRest, type Captured } from "./rest-server.js";
import { service } from "./proto-fixture.js";

const { publishBundle, getBundle, getBundleDocument, listBundles, deleteBundle } = BundleService.method;
const base = "/v1/orgs/o/projects/p/envs/dev/bundles";

/** The bundle methods, each telling what it was called with. */
function bundles(seen: Captured) {
  const note = (request: unknown, context: Captured["context"]) => {
    seen.calls++;
    Object.assign(seen, { request, context });
  };
  return [
    implement(publishBundle, (request, context) => {
      note(request, context);
      return { version: 4, labels: { ...request.labels } };
    }),
    implement(getBundle, (request, context) => {
      note(request, context);
      return { version: request.version, policiesJson: '{"a": 1.0}' };
    }),
    implement(getBundleDocument, (request, context) => {
      note(request, context);
      return { document: '{"exact" :\t1e0}\n' };
    }),
    implement(listBundles, (request, context) => {
      note(request, context);
      context.responseHeader.set("X-Total-Count", "2");
      return { bundles: [{ version: 2 }, { version: 1 }] };
    }),
    implement(deleteBundle, (request, context) => {
      note(request, context);
      return {};
    }),
  ];
}

describe("routes", () => {
  it.each([
    ["/v1/nope", 404],
    [`${base}/`, 404],
    [`${base}//1`, 404],
    [`${base}/..`, 404],
    [`${base}/%2e%2e/document`, 404],
    [`${base}/a%2Fb`, 404],
    [`${base}/%00`, 404],
    [`${base}/%zz`, 400],
    [`${base}/%ff`, 400],
    ["/v1/%zz/nope", 400],
    [`${base}/1?limit=%zz`, 400],
  ])("GET %s is %d, and nobody is called", async (path, status) => {
    const seen: Captured = { calls: 0 };
    const rest = await startRest(bundles(seen));
    const answer = await rest.send({ path });
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ status, code: status, requestId: "req-1" });
    expect(seen.calls).toBe(0);
  });

  it("an unknown path and another method are refused before the door", async () => {
    const seen: Captured = { calls: 0 };
    const rest = await startRest(bundles(seen));
    expect((await rest.send({ path: "/v1/nope" })).headers["allow"]).toBeUndefined();
    const answer = await rest.send({ method: "PATCH", path: `${base}/1`, body: "{}" });
    expect([answer.status, answer.headers["allow"]]).toEqual([405, "DELETE, GET, HEAD"]);
    expect(answer.json).toMatchObject({ code: 405, error: "Method Not Allowed" });
    expect(rest.admitted).toEqual([]);
    expect(seen.calls).toBe(0);
    expect((await rest.outcomes(2)).map(({ status, operationId }) => [status, operationId])).toEqual([
      [404, undefined],
      [405, undefined],
    ]);
  });

  it("does not start with routes that conflict", () => {
    const rule = { pattern: { case: "get" as const, value: "/x" } };
    const { methods } = service({ Request: [], Response: [] }, [{ rule }, { rule }]);
    const specs = methods.map((method) => createMethodImplSpec(method, (() => ({})) as never));
    return expect(startRest(specs)).rejects.toThrow("conflict");
  });
});

describe("calls", () => {
  it("gives the method its message and a context, and the caller what happened", async () => {
    const seen: Captured = { calls: 0 };
    const rest = await startRest(bundles(seen));
    const body = '{"policies": {"a" : 1.0}, "labels": {"x": "y"}}';
    const headers = { "content-type": "application/json", "idempotency-key": "k", "x-api-key": "secret" };
    const answer = await rest.send({ method: "POST", path: `${base}/publish?title=query`, body, headers });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(answer.text)),
      "cache-control": "no-store",
      "x-ratelimit-limit": "10",
    });
    expect(answer.json).toMatchObject({ version: 4, labels: { x: "y" }, published_by: null, published_at: null });
    expect(seen.request).toMatchObject({ orgId: "o", policies: '{"a" : 1.0}' });
    expect(seen.request).not.toHaveProperty("title");
    const { context } = seen;
    expect(context?.protocolName).toBe("rest");
    expect(context?.requestMethod).toBe("POST");
    expect(context?.requestHeader.get("idempotency-key")).toBe("k");
    expect(context && callOf(context)).toMatchObject({ requestId: "req-1", clientAddress: "192.0.2.1" });
    expect(context?.signal.aborted).toBe(true);
    expect(rest.admitted[0]).toMatchObject({ method: "PublishBundle", orgId: "o", head: { requestId: "req-1" } });
    expect(rest.admitted[0]?.head.rawHeaders).toContain("secret");
    expect(await rest.outcomes(1)).toEqual([
      {
        operationId: "publishBundle",
        keyPrefix: "sgn_test",
        keyName: null,
        isStream: false,
        status: 200,
        error: undefined,
      },
    ]);
  });

  it("a response_body is bare: an array, and a document to the byte", async () => {
    const rest = await startRest(bundles({ calls: 0 }));
    const list = await rest.send({ path: base });
    expect(list.text).toMatch(/^\[\{"id":"","version":2,.*\},\{.*\}\]$/);
    expect(list.headers["x-total-count"]).toBe("2");
    const document = await rest.send({ path: `${base}/1/document` });
    expect(document.text).toBe('{"exact" :\t1e0}\n');
    expect((await rest.send({ path: `${base}/1` })).text).toContain(
      '"policies_json":{"a": 1.0},"scope_policies_json":null',
    );
  });

  it("204 and 304 have no body, HEAD has GET's headers", async () => {
    const latest = implement(RuntimeService.method.getLatestBundle, (_request, context) => {
      context.responseHeader.set("ETag", '"x.1"');
      context.responseHeader.set("Cache-Control", "private, no-cache");
      if (context.requestHeader.has("if-none-match")) context.values.set(httpStatusKey, 304);
      return { document: "{}" };
    });
    const rest = await startRest([...bundles({ calls: 0 }), latest]);
    const deleted = await rest.send({ method: "DELETE", path: `${base}/1` });
    expect([deleted.status, deleted.text, deleted.headers["content-type"]]).toEqual([204, "", undefined]);
    const unchanged = await rest.send({ path: "/v1/bundles/latest", headers: { "if-none-match": "*" } });
    expect([unchanged.status, unchanged.text, unchanged.headers["etag"]]).toEqual([304, "", '"x.1"']);
    expect(unchanged.headers["cache-control"]).toBe("private, no-cache");
    expect(unchanged.headers["content-type"]).toBeUndefined();
    const head = await rest.send({ method: "HEAD", path: "/v1/bundles/latest" });
    expect([head.status, head.text, head.headers["content-length"]]).toEqual([200, "", "2"]);
    expect((await rest.outcomes(3)).map(({ status }) => status)).toEqual([204, 304, 200]);
  });

  it("takes the absolute form of a target", async () => {
    const rest = await startRest(bundles({ calls: 0 }));
    expect((await rest.send({ path: `http://other.example${base}/7` })).json).toMatchObject({ version: 7 });
  });

  it("a shutdown aborts held polls, and no other call", async () => {
    const aborted: Record<string, boolean> = {};
    const note = (name: string, signal: AbortSignal) => void (aborted[name] = signal.aborted);
    const rest = await startRest([
      implement(RuntimeService.method.getLatestBundle, (_request, context) => {
        note("poll", context.signal);
        return {};
      }),
      implement(TokenService.method.whoAmI, (_request, context) => {
        note("call", context.signal);
        return {};
      }),
    ]);
    rest.shutdown.abort(new AppError("unavailable", "bye"));
    await rest.send({ path: "/v1/bundles/latest" });
    await rest.send({ path: "/v1/whoami" });
    expect(aborted).toEqual({ poll: true, call: false });
  });

  it("a client that goes away aborts the call", async () => {
    let started: (signal: AbortSignal) => void = () => undefined;
    const signal = new Promise<AbortSignal>((resolve) => (started = resolve));
    const rest = await startRest([
      implement(TokenService.method.whoAmI, async (_request, context) => {
        started(context.signal);
        await new Promise<void>((resolve) => context.signal.addEventListener("abort", () => resolve()));
        context.signal.throwIfAborted();
        return {};
      }),
    ]);
    const open = new AbortController();
    const request = fetch(`http://127.0.0.1:${rest.port}/v1/whoami`, { signal: open.signal });
    await signal;
    open.abort();
    await expect(request).rejects.toThrow();
    const [outcome] = await rest.outcomes(1);
    expect(outcome).toMatchObject({ status: 499, operationId: "whoAmI", error: { code: "cancelled" } });
  });
});

describe("errors", () => {
  const failing = (thrown: unknown) =>
    startRest([
      implement(TokenService.method.whoAmI, () => {
        throw thrown;
      }),
    ]);

  it.each([
    [notFound("bundle"), 404, "bundle not found"],
    [new AppError("precondition_failed", "moved on"), 412, "moved on"],
    [new AppError("conflict", "m", { reason: "r" }), 409, { error: "r", message: "m" }],
    [invalidField(["limit"], "bad", "range", "query"), 422, [{ loc: ["query", "limit"], msg: "bad", type: "range" }]],
    [new Error("SELECT secret"), 500, "internal error"],
    ["thrown text", 500, "internal error"],
  ])("%s from the method", async (thrown, status, detail) => {
    const rest = await failing(thrown);
    const answer = await rest.send({ path: "/v1/whoami" });
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ detail, status, requestId: "req-1" });
    expect(answer.text).not.toContain("secret");
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect((await rest.outcomes(1))[0]).toMatchObject({ status, operationId: "whoAmI", keyPrefix: "sgn_test" });
  });

  it("what the door refuses is told with its headers, and nobody is called", async () => {
    const seen: Captured = { calls: 0 };
    let refusal: Error = new AppError("unauthenticated", "no token");
    const rest = await startRest(bundles(seen), { refuse: () => refusal });
    const unknown = await rest.send({ path: `${base}/x` });
    expect([unknown.status, unknown.headers["www-authenticate"]]).toEqual([401, "Bearer"]);
    expect(unknown.headers["x-ratelimit-limit"]).toBe("10");
    refusal = new AppError("rate_limited", "slow down", { retryAfterSeconds: 30 });
    const limited = await rest.send({ path: `${base}/x` });
    expect([limited.status, limited.headers["retry-after"]]).toEqual([429, "30"]);
    expect(seen.calls).toBe(0);
    expect((await rest.outcomes(2)).map(({ operationId, keyPrefix }) => [operationId, keyPrefix])).toEqual([
      ["getBundle", undefined],
      ["getBundle", undefined],
    ]);
  });

  it("another organization in path and message is refused by the guard", async () => {
    const seen: Captured = { calls: 0 };
    const rest = await startRest(bundles(seen));
    const other = "00000000-0000-4000-8000-000000000000";
    expect((await rest.send({ path: base.replace("/o/", `/${other}/`) })).status).toBe(403);
    expect((await rest.send({ path: base.replace("/o/", "/other/") })).status).toBe(404);
    expect(rest.admitted.map(({ orgId }) => orgId)).toEqual([other, "other"]);
    expect(seen.calls).toBe(0);
  });

  it("a field error is refused after the door, before the method", async () => {
    const seen: Captured = { calls: 0 };
    const rest = await startRest(bundles(seen));
    const answer = await rest.send({ path: `${base}/x` });
    expect(answer.json).toMatchObject({ detail: [{ loc: ["path", "version"], type: "type" }], code: 422 });
    expect(rest.admitted).toHaveLength(1);
    expect(seen.calls).toBe(0);
  });
});
