import { describe, expect, test } from "vitest";
import { createClientAddressOf, type ProxyTrust } from "../../../src/api/http/client-address.js";
import type { NodeRequest } from "../../../src/api/http/node-http.js";
import { openRig } from "./rig.js";
import { http2Call, openHttp2 } from "./wire.js";

const PEER = "10.0.0.9";

function addressOf(header: ProxyTrust["header"], hops: number, value: string | undefined): string {
  const headers = value === undefined ? {} : { [header]: value };
  const req = { socket: { remoteAddress: PEER }, headers } as unknown as NodeRequest;
  return createClientAddressOf({ hops, header })(req);
}

describe("X-Forwarded-For", () => {
  test.each([
    ["no proxy is trusted, whatever the header says", 0, "192.0.2.1", PEER],
    ["no header", 1, undefined, PEER],
    ["one proxy", 1, "192.0.2.1", "192.0.2.1"],
    ["what the client made up is left of what the proxy wrote", 1, "127.0.0.1, 192.0.2.1", "192.0.2.1"],
    ["two proxies", 2, "192.0.2.1, 10.0.0.8", "192.0.2.1"],
    ["two proxies, and a client that makes up three", 2, "1.1.1.1,2.2.2.2,3.3.3.3,192.0.2.1,10.0.0.8", "192.0.2.1"],
    ["fewer entries than proxies", 3, "192.0.2.1, 10.0.0.8", "192.0.2.1"],
    ["IPv6", 1, "2001:db8::1", "2001:db8::1"],
    ["IPv4 inside of IPv6", 1, "::ffff:192.0.2.1", "192.0.2.1"],
    ["IPv4 inside of IPv6, in hex and brackets", 1, "[::FFFF:c000:201]:4711", "192.0.2.1"],
    ["IPv6 in brackets", 1, "[2001:db8::1]", "2001:db8::1"],
    ["IPv6 with a port", 1, "[2001:db8::1]:4711", "2001:db8::1"],
    ["IPv4 with a port", 1, "192.0.2.1:4711", "192.0.2.1"],
    ["space around it", 1, " 9.9.9.9 ,\t192.0.2.1 ", "192.0.2.1"],
    ["an open quote of the client", 1, '"9.9.9.9, 192.0.2.1', "192.0.2.1"],
    ["garbage", 1, "9.9.9.9, nonsense", PEER],
    ["garbage beyond the first hop", 2, "nonsense, 10.0.0.8", "10.0.0.8"],
    ["garbage hides what is left of it", 3, "9.9.9.9, nonsense, 10.0.0.8", "10.0.0.8"],
    ["unknown", 1, "unknown", PEER],
    ["empty", 1, "", PEER],
    ["an empty entry", 1, "9.9.9.9,", PEER],
    ["a zone", 1, "fe80::1%eth0", PEER],
    ["a port without an address", 1, ":80", PEER],
    ["a port that is none", 1, "192.0.2.1:http", PEER],
    ["brackets around IPv4", 1, "[192.0.2.1]", PEER],
    ["more after the bracket", 1, "[2001:db8::1]x", PEER],
    ["a number", 1, "3221225985", PEER],
    ["a line break in disguise", 1, "192.0.2.1 evil", PEER],
  ])("%s", (_name, hops, value, expected) => {
    expect(addressOf("x-forwarded-for", hops, value)).toBe(expected);
  });
});

describe("Forwarded", () => {
  test.each([
    ["one proxy", 1, "for=192.0.2.1", "192.0.2.1"],
    ["names in any case, with other parameters", 1, "proto=https;For=192.0.2.1;by=10.0.0.8", "192.0.2.1"],
    ["quoted IPv6 with a port", 1, 'for="[2001:db8::1]:4711";proto=https', "2001:db8::1"],
    ["what the client made up is left of it", 1, "for=127.0.0.1, for=192.0.2.1", "192.0.2.1"],
    ["an open quote of the client hides nothing", 1, 'for="9.9.9.9, for=192.0.2.1', "192.0.2.1"],
    ["a comma in quotes is no border", 1, 'for=192.0.2.1;by="a,b"', "192.0.2.1"],
    ["two proxies", 2, 'for=192.0.2.1, for="10.0.0.8:80"', "192.0.2.1"],
    ["two for in one element", 1, "for=9.9.9.9;for=192.0.2.1", PEER],
    ["no for", 1, "proto=https", PEER],
    ["hidden", 1, "for=_hidden", PEER],
    ["unknown", 2, "for=unknown, for=10.0.0.8", "10.0.0.8"],
  ])("%s", (_name, hops, value, expected) => {
    expect(addressOf("forwarded", hops, value)).toBe(expected);
  });

  test("only the chosen header is read", () => {
    const headers = { "x-forwarded-for": "9.9.9.9", forwarded: "for=8.8.8.8" };
    const req = { socket: { remoteAddress: PEER }, headers } as unknown as NodeRequest;
    expect(createClientAddressOf({ hops: 1, header: "x-forwarded-for" })(req)).toBe("9.9.9.9");
    expect(createClientAddressOf({ hops: 1, header: "forwarded" })(req)).toBe("8.8.8.8");
  });

  test("a header as long as can be costs little", () => {
    const long = `${'for="'.repeat(4000)}, for=192.0.2.1`;
    expect(addressOf("forwarded", 10, long)).toBe("192.0.2.1");
    expect(addressOf("forwarded", 1, `for=${" ".repeat(16_000)}x`)).toBe(PEER);
  });
});

describe("who is counted", () => {
  const proxyTrust = { hops: 1, header: "x-forwarded-for" } as const;
  const guess = async (url: string, from: string) =>
    (await fetch(`${url}/v1/x`, { headers: { "x-api-key": "bad", "x-forwarded-for": from } })).text();

  test("failed guesses count for the address that the proxy names, and the log has it", async () => {
    await using rig = await openRig({ failuresPerMinute: 2, proxyTrust });
    for (const made of ["1.1.1.1", "2.2.2.2"]) await guess(rig.url, `${made}, 192.0.2.1`);
    expect(await guess(rig.url, "3.3.3.3, 192.0.2.1")).toBe("rate_limited");
    expect(await guess(rig.url, "192.0.2.1, 192.0.2.2")).toBe("unauthenticated");
    await expect.poll(() => rig.logLines.length).toBe(4);
    expect(rig.logLines.map(({ clientAddress }) => clientAddress)).toEqual([
      ...["192.0.2.1", "192.0.2.1", "192.0.2.1"],
      "192.0.2.2",
    ]);
  });

  test("an IPv6 customer is one client, whichever address of its /64 it takes", async () => {
    await using rig = await openRig({ failuresPerMinute: 2, proxyTrust });
    for (const host of ["1", "2"]) await guess(rig.url, `2001:db8::${host}`);
    expect(await guess(rig.url, "[2001:db8::3]:99")).toBe("rate_limited");
    expect(await guess(rig.url, "2001:db8:0:1::1")).toBe("unauthenticated");
  });

  test("without a trusted proxy nobody can choose an address", async () => {
    await using rig = await openRig({ failuresPerMinute: 2 });
    for (const made of ["1.1.1.1", "2.2.2.2"]) await guess(rig.url, made);
    expect(await guess(rig.url, "3.3.3.3")).toBe("rate_limited");
  });

  test("a header in several lines is read as one list, in both HTTP versions", async () => {
    await using rig = await openRig({ proxyTrust });
    await fetch(`${rig.url}/v1/x`, {
      headers: [
        ["x-forwarded-for", "9.9.9.9"],
        ["x-forwarded-for", "192.0.2.1"],
      ],
    });
    using session = openHttp2(rig.url);
    const lines = { "x-forwarded-for": ["9.9.9.9", "192.0.2.2"] } as unknown as Record<string, string>;
    await http2Call(session, "/v1/x", lines, "");
    await expect.poll(() => rig.logLines.map(({ clientAddress }) => clientAddress)).toEqual(["192.0.2.1", "192.0.2.2"]);
  });
});
