import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../../src/config/config.js";
import { startServer, type RunningServer } from "../../../src/server/server.js";
import { runSignet } from "../in-process.js";

const folder = mkdtempSync(join(tmpdir(), "signet-bundles-"));
const TOKEN = "an-admin-token-that-the-test-chose";
let server: RunningServer;

async function signet(argv: readonly string[], stdin = "") {
  const environment = { SIGNET_URL: server.url, SIGNET_TOKEN: TOKEN, SIGNET_ENV: "dev" };
  return await runSignet(argv, { environment, stdin });
}

interface Listed {
  readonly version: number;
  readonly activated_at: string | null;
  readonly replaced_at: string | null;
}

async function list(...flags: readonly string[]): Promise<readonly Listed[]> {
  const { exitCode, out, err } = await signet(["bundles", "--json", ...flags]);
  expect(exitCode, err).toBe(0);
  return JSON.parse(out) as Listed[];
}

beforeAll(async () => {
  const environment = { SIGNET_ADMIN_TOKEN: TOKEN };
  server = await startServer(loadConfig(environment, { port: "0", data: join(folder, "data"), logLevel: "silent" }));
  const publish = async (...flags: readonly string[]) => {
    const { exitCode, err } = await signet(["publish", "-f", "-", ...flags], `{"of": ${JSON.stringify(flags)}}`);
    expect(exitCode, err).toBe(0);
  };
  await publish("--title", "Allow retries", "--label", "team=core", "--published-by", "ana");
  await publish("--title", "Deny retries", "--label", "team=core", "--source-revision", "abc123");
  await publish("--title", "Deny all", "--published-by", "bob", "--no-activate");
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

describe("bundles that match", () => {
  it.each([
    [
      ["--text", "RETRIES"],
      [2, 1],
    ],
    [["--text", "retries", "--published-by", "ana"], [1]],
    [["--label", "team=core", "--limit", "1"], [2]],
    [["--label", "team=core", "--before", "2"], [1]],
    [["--source-revision", "abc"], [2]],
    [["--text", "nothing of this"], []],
  ])("%j", async (flags, versions) => {
    expect((await list(...flags)).map(({ version }) => version)).toEqual(versions);
  });

  it("says that there are older ones, and how to go on", async () => {
    const { err } = await signet(["bundles", "--text", "retries", "--limit", "1"]);
    expect(err).toContain("--before 2");
  });

  it("refuses a label without a value", async () => {
    const { exitCode, err } = await signet(["bundles", "--label", "team"]);
    expect([exitCode, err]).toEqual([6, expect.stringContaining("must be key=value")]);
  });
});

describe("when versions were active", () => {
  it("is told of each, and of none that never was", async () => {
    const [third, second, first] = await list();
    expect(third).toMatchObject({ version: 3, activated_at: null, replaced_at: null });
    expect(second).toMatchObject({ version: 2, activated_at: expect.any(String), replaced_at: null });
    expect(first).toMatchObject({ version: 1, replaced_at: second?.activated_at });
    const shown = JSON.parse((await signet(["bundles", "get", "1", "--json"])).out) as Listed;
    expect([shown.activated_at, shown.replaced_at]).toEqual([first?.activated_at, first?.replaced_at]);
  });

  it("has a history of one version", async () => {
    const history = await signet(["history", "--version", "1", "--json"]);
    expect(JSON.parse(history.out)).toMatchObject({ total: 1, data: [{ version: 1 }] });
    expect((await signet(["deployments", "--version", "9"])).exitCode).toBe(4);
  });

  it("pages with the header that says where to go on", async () => {
    const path = "/v1/orgs/default/projects/default/envs/dev/bundles";
    const get = (query: string) =>
      fetch(`${server.url}${path}?${query}`, { headers: { Authorization: `Bearer ${TOKEN}` } });
    const page = await get("limit=2");
    expect([page.headers.get("Signet-Next-Before-Version"), page.headers.get("X-Total-Count")]).toEqual(["2", "3"]);
    expect((await get("limit=2&before_version=2")).headers.has("Signet-Next-Before-Version")).toBe(false);
    const found = await get("text=retries&limit=1");
    expect(found.headers.get("Signet-Next-Before-Version")).toBe("2");
  });
});
