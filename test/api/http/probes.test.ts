import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { createProbes } from "../../../src/api/http/probes.js";
import { AppError, diskFull } from "../../../src/core/error.js";
import { openRig } from "./rig.js";

describe("probes", () => {
  test("/healthz says ok and the version", async () => {
    await using rig = await openRig({ ready: async () => false });
    const answer = await fetch(`${rig.url}/healthz`, { headers: { origin: "https://elsewhere.example" } });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: "ok", version: "1.2.3" });
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  });

  test.each([
    ["ready", async () => true, 200, "ok"],
    ["not ready", async () => false, 503, "unavailable"],
    ["broken", () => Promise.reject(new Error("no database")), 503, "unavailable"],
  ])("/readyz of a server that is %s", async (_name, ready, status, text) => {
    await using rig = await openRig({ ready });
    const answer = await fetch(`${rig.url}/readyz`);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual({ status: text });
  });

  test("/readyz of a server that can only be read says why", async () => {
    await using rig = await openRig({ readOnly: () => "the disk is full" });
    const answer = await fetch(`${rig.url}/readyz`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: "read_only", reason: "the disk is full" });
  });

  test("/readyz of a server whose disk is full says so", async () => {
    const refusal = diskFull(new AppError("unavailable", "the disk of the database is full"));
    await using rig = await openRig({ diskRefusal: () => refusal, readOnly: () => "another reason" });
    const answer = await fetch(`${rig.url}/readyz`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: "disk_full", reason: refusal.message });
  });

  test("/readyz?exclude=database does not ask the database", async () => {
    let asked = 0;
    const ready = () => {
      asked += 1;
      return new Promise<boolean>(() => {});
    };
    await using rig = await openRig({ ready, readOnly: () => "the disk fails" });
    const answer = await fetch(`${rig.url}/readyz?exclude=database`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: "read_only", reason: "the disk fails" });
    expect(asked).toBe(0);
  });

  test.each(["exclude=databse", "exclude=", "exclude=database&exclude=disk"])(
    "/readyz?%s is refused",
    async (query) => {
      await using rig = await openRig({ ready: async () => true });
      const answer = await fetch(`${rig.url}/readyz?${query}`);
      expect(answer.status).toBe(422);
      expect(await answer.json()).toMatchObject({ detail: [{ loc: ["query", "exclude"] }] });
    },
  );

  test.each(["/readyz", "/readyz?exclude=database"])("%s of a server that ends is 503", async (path) => {
    const shutdown = new AbortController();
    const probes = createProbes({ version: "1.2.3", ready: async () => true, shutdownSignal: shutdown.signal });
    const server = createServer((req, res) => void probes.answer("/readyz", req, res, "id")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
    expect((await fetch(url)).status).toBe(200);
    shutdown.abort();
    const answer = await fetch(url, { headers: { connection: "close" } });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ status: "unavailable" });
    server.closeAllConnections();
    await once(server.close(), "close");
  });

  test("/readyz does not wait for a database that hangs", async () => {
    const ready = () => new Promise<boolean>(() => undefined);
    const { signal } = new AbortController();
    const probes = createProbes({ version: "1.2.3", ready, readyTimeoutMs: 1, shutdownSignal: signal });
    const server = createServer((req, res) => void probes.answer("/readyz", req, res, "id")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/readyz`;
    const answer = await fetch(url, { headers: { connection: "close" } });
    expect([answer.status, await answer.json()]).toEqual([503, { status: "unavailable" }]);
    server.closeAllConnections();
    await once(server.close(), "close");
  });

  test("HEAD has no body, other methods are 405 with Allow", async () => {
    await using rig = await openRig();
    const head = await fetch(`${rig.url}/healthz`, { method: "HEAD" });
    expect(head.status).toBe(200);
    expect(await head.text()).toBe("");
    const post = await fetch(`${rig.url}/readyz`, { method: "POST" });
    expect(post.status).toBe(405);
    expect(post.headers.get("allow")).toBe("GET, HEAD");
  });

  test.each([
    ["abc-123:x.y_z", "abc-123:x.y_z"],
    ["x".repeat(128), "x".repeat(128)],
    ["x".repeat(129), undefined],
    ["a b", undefined],
    ["<script>", undefined],
    ["", undefined],
  ])("the request id %j comes back, or a new one", async (sent, expected) => {
    await using rig = await openRig();
    const answer = await fetch(`${rig.url}/healthz`, { headers: { "x-request-id": sent } });
    const received = answer.headers.get("x-request-id");
    if (expected === undefined) expect(received).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    else expect(received).toBe(expected);
  });
});
