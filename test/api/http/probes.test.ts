import { describe, expect, test } from "vitest";
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
