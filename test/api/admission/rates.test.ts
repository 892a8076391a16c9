import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { addressKey } from "../../../src/api/admission/admission-address.js";
import { RateTable } from "../../../src/api/admission/admission-rates.js";
import { createRawKey } from "../../../src/service/tokens/raw-key.js";
import { KEYS, openRig, principalOf, type Rig } from "../http/rig.js";

const LIST = "/signet.v1.BundleService/ListKeys";
const LATEST = "/signet.v1.RuntimeService/GetLatestBundle";

/** What refuses those who fail too often. */
const GUESSED = ["max_failed_authentications"];

beforeEach(() => {
  // Only the clocks: sockets need real timers.
  vi.useFakeTimers({ toFake: ["Date", "performance"], now: Date.parse("2030-01-01T00:00:00Z") });
});
afterEach(() => {
  vi.useRealTimers();
});

async function post(rig: Rig, path: string, key: string) {
  const headers = { "content-type": "application/json", "x-api-key": key };
  const answer = await fetch(rig.url + path, { method: "POST", headers, body: "{}" });
  await answer.arrayBuffer();
  const header = (name: string) => Number(answer.headers.get(name) ?? Number.NaN);
  return {
    status: answer.status,
    limit: header("x-ratelimit-limit"),
    remaining: header("x-ratelimit-remaining"),
    reset: header("x-ratelimit-reset"),
    retryAfter: header("retry-after"),
  };
}

describe("requests a minute", () => {
  test("of one token: told on every answer, then 429 with Retry-After, then anew", async () => {
    await using rig = await openRig({ requestsPerMinute: 2 });
    expect(await post(rig, LIST, KEYS.ci)).toMatchObject({ status: 200, limit: 2, remaining: 1, reset: 60 });
    vi.advanceTimersByTime(20_500);
    expect(await post(rig, LIST, KEYS.ci)).toMatchObject({ status: 200, remaining: 0, reset: 40 });
    expect(await post(rig, LIST, KEYS.ci)).toMatchObject({ status: 429, remaining: 0, retryAfter: 40 });
    expect(rig.refused).toEqual(["sgnt_ci listKeys rate_limited"]);
    expect((await post(rig, LIST, KEYS.admin)).status).toBe(200);
    vi.advanceTimersByTime(40_000);
    expect(await post(rig, LIST, KEYS.ci)).toMatchObject({ status: 200, remaining: 1 });
  });

  test("of one address: five times as many, whatever the token", async () => {
    await using rig = await openRig({ requestsPerMinute: 2 });
    for (let i = 0; i < 8; i++) await post(rig, LIST, KEYS.ci);
    expect(await post(rig, LIST, KEYS.admin)).toMatchObject({ status: 200, limit: 2 });
    expect(await post(rig, LIST, KEYS.admin)).toMatchObject({ status: 200, limit: 2 });
    expect(await post(rig, LIST, KEYS.runtime)).toMatchObject({ status: 429, limit: 10, remaining: 0 });
    expect((await post(rig, LATEST, KEYS.runtime)).status).toBe(200);
  });

  test("are not counted for the runtime traffic of a runtime token, but told", async () => {
    await using rig = await openRig({ requestsPerMinute: 1 });
    for (let i = 0; i < 10; i++) {
      expect(await post(rig, LATEST, KEYS.runtime)).toMatchObject({ status: 200, limit: 1, remaining: 1 });
    }
    expect(await post(rig, LIST, KEYS.runtime)).toMatchObject({ status: 200, remaining: 0 });
    expect((await post(rig, LIST, KEYS.runtime)).status).toBe(429);
    expect((await post(rig, LATEST, KEYS.runtime)).status).toBe(200);
    // Another kind of token that tries the same is counted.
    expect((await post(rig, LATEST, KEYS.ci)).status).toBe(403);
    expect((await post(rig, LATEST, KEYS.ci)).status).toBe(429);
  });

  test("of failed authentications: 429 before the key is looked up, for keys that are good too, until the minute is over", async () => {
    await using rig = await openRig({ requestsPerMinute: 100, failuresPerMinute: 3 });
    for (const remaining of [2, 1, 0]) {
      expect(await post(rig, LIST, "guess")).toMatchObject({ status: 401, limit: 3, remaining });
    }
    expect(await post(rig, LIST, "guess")).toMatchObject({ status: 429, limit: 3, retryAfter: 60 });
    // Right, but not in memory: a guess that is right must look like one that is wrong.
    expect(await post(rig, LIST, KEYS.ci)).toMatchObject({ status: 429, limit: 3, retryAfter: 60 });
    expect(rig.authenticated).toHaveLength(3);
    expect(rig.refused).toEqual([]);
    expect(rig.finished.map(({ limit }) => limit)).toEqual([null, null, null, ...GUESSED, ...GUESSED]);
    vi.advanceTimersByTime(60_000);
    expect((await post(rig, LIST, KEYS.ci)).status).toBe(200);
  });

  test("of failed authentications: keys that are in memory go on, those that somebody chose do not", async () => {
    const made = createRawKey("ci").rawKey;
    const known = new Map([made, KEYS.ci].map((key) => [key, principalOf(KEYS.ci)]));
    await using rig = await openRig({ requestsPerMinute: 100, failuresPerMinute: 2, known });
    for (const status of [401, 401, 429]) expect((await post(rig, LIST, "guess")).status).toBe(status);
    expect(await post(rig, LIST, made)).toMatchObject({ status: 200, limit: 100 });
    // It might be weak, and would be found at the speed of a look into memory.
    expect((await post(rig, LIST, KEYS.ci)).status).toBe(429);
    expect((await post(rig, LIST, createRawKey("ci").rawKey)).status).toBe(429);
    expect(rig.authenticated).toHaveLength(2);
  });

  test("of failed authentications have a limit of their own", async () => {
    await using rig = await openRig({ requestsPerMinute: 0, failuresPerMinute: 1 });
    expect(await post(rig, LIST, "guess")).toMatchObject({ status: 401, limit: 1, remaining: 0 });
    expect((await post(rig, LIST, "guess")).status).toBe(429);
    await using other = await openRig({ requestsPerMinute: 1, failuresPerMinute: 0 });
    for (let i = 0; i < 5; i++) expect((await post(other, LIST, "guess")).status).toBe(401);
    // They count among the requests of their address.
    expect(await post(other, LIST, KEYS.ci)).toMatchObject({ status: 429, limit: 5 });
  });

  test("are not told or refused when they are off", async () => {
    await using rig = await openRig();
    for (let i = 0; i < 20; i++) expect((await post(rig, LIST, "guess")).status).toBe(401);
    expect(await post(rig, LIST, KEYS.ci)).toMatchObject({ status: 200, limit: Number.NaN });
  });

  test("do not exist for probes", async () => {
    await using rig = await openRig({ requestsPerMinute: 1 });
    for (let i = 0; i < 10; i++) {
      const answer = await fetch(`${rig.url}/healthz`);
      expect(answer.status).toBe(200);
      expect(answer.headers.has("x-ratelimit-limit")).toBe(false);
      expect((await fetch(`${rig.url}/readyz`)).status).toBe(200);
    }
  });

  test("are told on REST answers and REST refusals", async () => {
    await using rig = await openRig({ requestsPerMinute: 1 });
    const headers = { "x-api-key": KEYS.ci };
    for (const status of [200, 400]) {
      const answer = await fetch(`${rig.url}/v1/x`, { headers });
      expect(answer.status).toBe(status);
      expect(answer.headers.get("x-ratelimit-remaining")).toBe("0");
    }
  });
});

describe("RateTable", () => {
  test("remembers a bounded number of keys, and forgets the one not seen for longest", async () => {
    const table = new RateTable(1, 3);
    for (const key of ["a", "b", "c"]) await table.count(key);
    table.look("a");
    await table.count("d");
    expect(table.size).toBe(3);
    expect(table.look("b").exceeded).toBe(false);
    for (const key of ["a", "c", "d"]) expect(table.look(key).exceeded).toBe(true);
  });

  test("stays bounded under a flood of keys", async () => {
    const table = new RateTable(10, 100);
    for (let i = 0; i < 5000; i++) await table.count(`key-${i}`);
    expect(table.size).toBe(100);
  });
});

describe("addressKey", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::ffff:c000:201", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::9", "2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002::", "2001:db8:1:2::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
    ["", ""],
  ])("%j counts as %j", (address, key) => {
    expect(addressKey(address)).toBe(key);
  });
});
