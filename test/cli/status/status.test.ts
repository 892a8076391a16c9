import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { VERSION } from "../../../src/assets/version.js";
import { loadConfig } from "../../../src/config/config.js";
import { startServer, type RunningServer } from "../../../src/server/server.js";
import { runSignet } from "../in-process.js";

const folder = mkdtempSync(join(tmpdir(), "signet-status-"));
const ADMIN = "an-admin-token-that-the-test-chose";
let server: RunningServer;
let runtime = "";

beforeAll(async () => {
  const flags = { port: "0", data: join(folder, "data"), logLevel: "silent" };
  server = await startServer(loadConfig({ SIGNET_ADMIN_TOKEN: ADMIN }, flags));
  await signet(["publish", "-f", "-", "--env", "dev"], ADMIN, '{"a":1}');
  await signet(["activate", "1", "--env", "dev", "--hold", "--reason", "incident"]);
  runtime = (await signet(["token", "create", "--runtime", "--env", "dev"])).out.trim();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function signet(argv: readonly string[], token = ADMIN, stdin = "", more: Record<string, string> = {}) {
  return await runSignet(argv, { environment: { SIGNET_URL: server.url, SIGNET_TOKEN: token, ...more }, stdin });
}

describe("signet status", () => {
  it("shows each environment, its hold and its fleet", async () => {
    const argv = ["watch", "--count", "1", "--instance", "eu-1"];
    expect((await signet(argv, runtime)).exitCode).toBe(0);
    const { exitCode, out } = await signet(["status"]);
    expect(exitCode).toBe(0);
    expect(out).toContain(`server        ${server.url}, ready, version ${VERSION}\n`);
    expect(out).toMatch(/^dev +1 +2 +\S+ \S+Z +1 +0 +0 +0 +by \S+ incident$/m);
    expect(out).toMatch(/^staging +- +0 +- +0 +0 +0 +0 +-$/m);
  });

  it("is JSON of the API", async () => {
    const status = JSON.parse((await signet(["status", "--json"])).out) as object;
    expect(status).toMatchObject({
      ...{ url: server.url, ready: true, version: VERSION },
      organization: { slug: "default" },
      project: { slug: "default" },
      environments: [
        { environment: { name: "dev", active_version: 1, hold: { reason: "incident" } }, rollout: { applied: 1 } },
        { environment: { name: "staging" }, rollout: { active_sequence: null, live: 0 } },
        { environment: { name: "prod" } },
      ],
    });
  });

  it("says that a server is down before it asks for a token", async () => {
    const { exitCode, err } = await runSignet(["status", "--url", "http://127.0.0.1:1"]);
    expect(exitCode).toBe(7);
    expect(err).toContain("is the server running");
  });
});

describe("signet version", () => {
  it("shows both versions", async () => {
    expect((await signet(["version"])).out).toBe(`client  ${VERSION}\nserver  ${VERSION} at ${server.url}\n`);
    expect(JSON.parse((await signet(["version", "--json"])).out)).toMatchObject({ client: VERSION, server: VERSION });
  });

  it("shows none for another kind of server", async () => {
    const other = createServer((_, answer) => void answer.end('{"version":1}'));
    await once(other.listen(0, "127.0.0.1"), "listening");
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    expect((await runSignet(["version", "--url", url])).out).toContain(`no Signet server answers at ${url}\n`);
    await once(other.close(), "close");
  });
});

describe("signet whoami", () => {
  it("names what the token is for", async () => {
    const { out } = await signet(["whoami"]);
    expect(out).toMatch(/^organization +default \([0-9a-f-]{36}\)$/m);
    expect(out).toContain(server.url);
    expect((await signet(["whoami"], runtime)).out).toMatch(/^environment +dev$/m);
  });
});

describe("signet open", () => {
  it("starts the browser that BROWSER names, and prints the address when there is none", async () => {
    const browser = join(folder, "browser");
    const opened = join(folder, "opened");
    writeFileSync(browser, `#!/bin/sh\nprintf %s "$1" > '${opened}'\n`);
    chmodSync(browser, 0o755);
    const argv = ["open", "--json"];
    const url = `${server.url}/console/`;
    expect(JSON.parse((await signet(argv, ADMIN, "", { BROWSER: browser })).out)).toEqual({ url, opened: true });
    await vi.waitFor(() => expect(existsSync(opened) && readFileSync(opened, "utf8")).toBe(url), { timeout: 10_000 });
    const missing = await signet(argv, ADMIN, "", { BROWSER: join(folder, "nothing") });
    expect(JSON.parse(missing.out)).toEqual({ url, opened: false });
    expect((await signet(["open"])).out).toBe(`${url}\n`);
    expect((await signet(["open", "docs"])).out).toBe(`${server.url}/docs\n`);
  });

  it("goes by SIGNET_PUBLIC_URL on the server's machine, unless a URL is given", async () => {
    const environment = { SIGNET_PUBLIC_URL: "https://signet.example/signet/, https://b.example" };
    const open = async (url: Readonly<Record<string, string>>, argv: readonly string[] = []) =>
      (await runSignet(["open", ...argv], { environment: { ...environment, ...url } })).out;
    expect(await open({})).toBe("https://signet.example/signet/console/\n");
    expect(await open({ SIGNET_URL: "http://10.0.0.5:8080" })).toBe("http://10.0.0.5:8080/console/\n");
    expect(await open({}, ["docs", "--url", "http://10.0.0.6"])).toBe("http://10.0.0.6/docs\n");
  });

  it("knows its two pages alone", async () => {
    expect(await signet(["open", "metrics"])).toMatchObject({ exitCode: 2, out: "" });
  });
});
