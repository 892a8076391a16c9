import { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createSystemResolver } from "../../src/outbound/check-target.js";
import { REFUSED_ADDRESSES, REFUSED_LITERAL_URLS, REFUSED_SPELLINGS } from "./addresses.js";
import { recordingSender } from "./recording-sender.js";
import { scriptedResolver } from "./scripted-resolver.js";
import { selfSigned } from "./self-signed.js";
import { startSecureTarget, startTarget } from "./target-server.js";

const REFUSED = { kind: "failed", addressRefused: true, error: expect.stringMatching(/^address_refused: /) };
const PUBLIC = "93.184.216.34";

describe("a sender connects to nothing that is not allowed", () => {
  it.each(REFUSED_LITERAL_URLS)("%s", async (url) => {
    await using target = await startTarget();
    using sender = recordingSender();
    for (const scheme of ["http:", "https:"]) {
      const result = await sender.send(`${url.replace("http:", scheme)}:${target.port}/secret-path`);
      expect(result).toMatchObject(REFUSED);
      expect(JSON.stringify(result)).not.toContain("secret-path");
    }
    expect(sender.opened).toEqual([]);
    expect(target.connections).toBe(0);
  });

  it.each(REFUSED_ADDRESSES)("a name that leads to %s (%s)", async (address) => {
    const { resolver } = scriptedResolver({ "hooks.example.com": [[address]] });
    using sender = recordingSender({ resolver });
    const result = await sender.send("https://hooks.example.com/x");
    expect(result).toMatchObject(REFUSED);
    expect(JSON.stringify(result)).not.toContain(address);
    expect(sender.opened).toEqual([]);
  });

  it.each(REFUSED_SPELLINGS)("%j", async (url) => {
    const { resolver, asked } = scriptedResolver({});
    using sender = recordingSender({ resolver, allow: "0.0.0.0/0,::/0" });
    const result = await sender.send(url);
    expect(result).toMatchObject({ kind: "failed", addressRefused: false });
    expect(result).toHaveProperty("error", expect.stringMatching(/^invalid_url: /));
    expect(JSON.stringify(result)).not.toMatch(/secret/);
    expect([asked, sender.opened]).toEqual([[], []]);
  });

  it.each(["localhost", "localhost.", "LOCALHOST"])("%s, as this machine resolves it", async (host) => {
    await using target = await startTarget();
    using sender = recordingSender({ resolver: createSystemResolver() });
    expect(await sender.send(`http://${host}:${target.port}/`)).toMatchObject(REFUSED);
    expect(sender.opened).toEqual([]);
    expect(target.connections).toBe(0);
  });

  it.each([
    ["public and private", ["8.8.8.8", "127.0.0.1"]],
    ["private and public", ["127.0.0.1", "8.8.8.8"]],
    ["49 public and one private", [...Array.from({ length: 49 }, (_, i) => `8.8.8.${i}`), "127.0.0.1"]],
  ])("a name with mixed answers: %s", async (_, answer) => {
    await using target = await startTarget();
    const { resolver } = scriptedResolver({ "hooks.example.com": [answer] });
    using sender = recordingSender({ resolver });
    expect(await sender.send(`https://hooks.example.com:${target.port}/`)).toMatchObject(REFUSED);
    expect(sender.opened).toEqual([]);
    expect(target.connections).toBe(0);
  });

  it("a name that is public at first and private later", async () => {
    const tls = selfSigned("hooks.example.com");
    await using target = await startSecureTarget(tls, (response) => response.setHeader("connection", "close").end());
    const { resolver, asked } = scriptedResolver({ "hooks.example.com": [[PUBLIC], ["127.0.0.1"]] });
    using sender = recordingSender({ resolver, remoteAddress: PUBLIC, trustedCertificates: tls.cert });
    const url = `https://hooks.example.com:${target.port}/`;
    expect(await sender.send(url)).toMatchObject({ kind: "answered", status: 200 });
    // The first send asked once: what was checked is what was connected to.
    expect(asked).toHaveLength(1);
    expect(await sender.send(url)).toMatchObject(REFUSED);
    expect(asked).toHaveLength(2);
    expect(sender.opened).toHaveLength(1);
    expect(target.connections).toBe(1);
    expect(target.requests).toHaveLength(1);
  });

  it("an address that turns out to be another one once connected: nothing is written", async () => {
    const { resolver } = scriptedResolver({ "hooks.example.com": [[PUBLIC]] });
    const written: string[] = [];
    await using target = await startTarget();
    for (const scheme of ["http", "https"]) {
      using sender = recordingSender({
        resolver,
        allow: PUBLIC,
        remoteAddress: "10.0.0.1",
        open: (options) => {
          const socket = new Socket().connect(options);
          vi.spyOn(socket, "_write").mockImplementation((chunk) => written.push(String(chunk)));
          return socket;
        },
      });
      expect(await sender.send(`${scheme}://hooks.example.com:${target.port}/`)).toMatchObject(REFUSED);
      expect(sender.opened).toHaveLength(1);
    }
    expect(written).toEqual([]);
    expect(target.requests).toEqual([]);
  });

  it("0.0.0.0, which the system takes for 127.0.0.1, when only itself is allowed", async () => {
    await using target = await startTarget();
    using sender = recordingSender({ allow: "0.0.0.0" });
    expect(await sender.send(`http://0.0.0.0:${target.port}/`)).toMatchObject(REFUSED);
    expect(target.requests).toEqual([]);
  });

  it("a public address without https", async () => {
    const { resolver } = scriptedResolver({ "hooks.example.com": [[PUBLIC]] });
    using sender = recordingSender({ resolver });
    expect(await sender.send("http://hooks.example.com/")).toMatchObject({
      ...REFUSED,
      error: expect.stringContaining("must be https"),
    });
    expect(sender.opened).toEqual([]);
  });

  it("a name without an address, in the words for a private one", async () => {
    const { resolver } = scriptedResolver({ "private.test": [["10.0.0.1"]] });
    using sender = recordingSender({ resolver });
    const missing = await sender.send("https://missing.test/");
    const refused = await sender.send("https://private.test/");
    expect(missing).toMatchObject({ kind: "failed", addressRefused: false });
    expect(missing).toHaveProperty("error", (refused as { error: string }).error);
    expect(sender.opened).toEqual([]);
  });

  it.each([301, 302, 303, 307, 308])("what a %d leads to", async (status) => {
    await using internal = await startTarget();
    const location = `http://127.0.0.1:${internal.port}/admin`;
    await using target = await startTarget((response) => response.writeHead(status, { location }).end());
    using sender = recordingSender({ allow: "127.0.0.1" });
    const result = await sender.send(`http://127.0.0.1:${target.port}/`);
    expect(result).toMatchObject({ kind: "answered", status, body: null });
    expect(sender.opened).toHaveLength(1);
    expect(internal.connections).toBe(0);
  });
});

describe("a sender connects to what is allowed", () => {
  it.each([
    ["127.0.0.1", "127.0.0.1"],
    ["127.0.0.0/8", "0x7f.1"],
    ["hooks.internal", "hooks.internal"],
    ["*.internal", "HOOKS.internal."],
    ["acme=127.0.0.1", "hooks.internal"],
    ["0A1B=hooks.internal", "hooks.internal"],
  ])("%s: %s", async (allow, host) => {
    await using target = await startTarget();
    const { resolver } = scriptedResolver({ "hooks.internal": [["127.0.0.1"]] });
    using sender = recordingSender({ allow, resolver });
    expect(await sender.send(`http://${host}:${target.port}/a?b`)).toMatchObject({ kind: "answered", status: 200 });
    expect(target.requests).toMatchObject([{ method: "POST", url: "/a?b", body: "{}" }]);
  });

  it("tries the next of several addresses when one does not answer", async () => {
    await using target = await startTarget();
    const { resolver } = scriptedResolver({ "hooks.internal": [["127.0.0.2", "127.0.0.1"]] });
    using sender = recordingSender({ allow: "hooks.internal", resolver });
    expect(await sender.send(`http://hooks.internal:${target.port}/`)).toMatchObject({ kind: "answered", status: 200 });
  });

  it("and keeps what is allowed to one organization from another, also on a connection that is open", async () => {
    await using target = await startTarget();
    using sender = recordingSender({ allow: "acme=127.0.0.1" });
    const url = `http://127.0.0.1:${target.port}/`;
    const asAcme = { orgs: ["0a1b", "acme"] };
    expect(await sender.send(url, asAcme)).toMatchObject({ status: 200 });
    for (const orgs of [["2c3d", "globex"], [], ["acme2"], ["0a1b-acme"]]) {
      expect(await sender.send(url, { orgs })).toMatchObject(REFUSED);
    }
    expect(await sender.send(url, asAcme)).toMatchObject({ status: 200 });
    // The connection was open all the time: the last request went through it.
    expect(target.connections).toBe(1);
    expect(target.requests).toHaveLength(2);
  });

  it("never shares a connection between organizations, or between hosts", async () => {
    await using target = await startTarget();
    const { resolver } = scriptedResolver({ "a.internal": [["127.0.0.1"]], "b.internal": [["127.0.0.1"]] });
    using sender = recordingSender({ allow: "127.0.0.1", resolver });
    for (const [host, org] of [
      ["a", "acme"],
      ["b", "acme"],
      ["a", "globex"],
      ["a", "acme"],
      ["b", "acme"],
    ]) {
      await sender.send(`http://${host}.internal:${target.port}/`, { orgs: [org ?? ""] });
    }
    expect(target.requests).toHaveLength(5);
    expect(target.connections).toBe(3);
  });
});

describe("a sender knows no proxy", () => {
  const names = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NODE_USE_ENV_PROXY"];
  beforeEach(() => void vi.unstubAllEnvs());
  afterEach(() => void vi.unstubAllEnvs());

  it("whatever the environment says", async () => {
    await using proxy = await startTarget();
    await using target = await startTarget();
    for (const name of names) vi.stubEnv(name, name.startsWith("NODE") ? "1" : `http://127.0.0.1:${proxy.port}`);
    using sender = recordingSender({ allow: "127.0.0.1" });
    expect(await sender.send(`http://127.0.0.1:${target.port}/`)).toMatchObject({ status: 200 });
    expect(await sender.send("http://10.0.0.1/")).toMatchObject(REFUSED);
    expect(target.requests).toHaveLength(1);
    expect(proxy.connections).toBe(0);
  });
});
