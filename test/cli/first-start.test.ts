import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { firstStartNotice } from "../../src/cli/server/first-start-notice.js";

const MADE = { orgId: "an-organization", projectId: "a-project", adminToken: "signet_a_secret" };
const CHOSEN = { ...MADE, adminToken: null };
const PLAIN = { databaseUrl: null, tlsCert: null, tlsClientCa: null, console: "on", publicUrls: [] } as const;
const HERE = "http://127.0.0.1:8080";

const exportsOf = (
  { url = HERE, data = "data", firstStart = MADE as typeof MADE | typeof CHOSEN },
  config: Parameters<typeof firstStartNotice>[1] = PLAIN,
) => {
  const server = { url, dataDirectory: data, adminTokenFile: `${data}/admin-token`, firstStart };
  const lines = firstStartNotice(server, config, false).split("\n");
  return lines.filter((line) => line.includes("export")).map((line) => line.trim().replace(/ +#.*/, ""));
};

describe("the notice of a first start", () => {
  it("names nothing that commands know already", () => {
    expect(exportsOf({})).toEqual([]);
    expect(exportsOf({ data: resolve("data") })).toEqual([]);
  });

  it.each([
    ["another port", { url: "http://127.0.0.1:9000" }, ["export SIGNET_URL=http://127.0.0.1:9000"]],
    ["all interfaces", { url: "http://0.0.0.0:9000" }, ["export SIGNET_URL=http://127.0.0.1:9000"]],
    ["all interfaces, IPv6", { url: "http://[::]:8080" }, ["export SIGNET_URL=http://[::1]:8080"]],
    ["another data directory", { data: "/srv/signet" }, ["export SIGNET_DATA=/srv/signet"]],
    ["one that a shell would split", { data: "/srv/it's mine" }, ["export SIGNET_DATA='/srv/it'\\''s mine'"]],
    [
      "an address that may be another machine's",
      { url: "http://192.0.2.1:8080", data: "/srv/signet" },
      ["export SIGNET_URL=http://192.0.2.1:8080", "export SIGNET_TOKEN_FILE=/srv/signet/admin-token"],
    ],
    ["a chosen token", { data: "/srv/signet", firstStart: CHOSEN }, ["export SIGNET_TOKEN=…"]],
  ])("names %s", (_name, server, exports) => {
    expect(exportsOf(server)).toEqual(exports);
  });

  it("names what TLS needs", () => {
    const url = "https://127.0.0.1:8443";
    const ca = ["export SIGNET_URL=https://127.0.0.1:8443", "export SIGNET_CA=ca.pem"];
    expect(exportsOf({ url }, { ...PLAIN, tlsCert: "tls.crt" })).toEqual(ca);
    expect(exportsOf({ url }, { ...PLAIN, tlsCert: "tls.crt", tlsClientCa: "clients.pem" })).toEqual([
      ...ca,
      "export SIGNET_CLIENT_CERT=client.crt SIGNET_CLIENT_KEY=client.key",
    ]);
  });

  it("says what it was the first start of", () => {
    const server = { url: HERE, dataDirectory: "data", adminTokenFile: "data/admin-token", firstStart: MADE };
    expect(firstStartNotice(server, PLAIN, false)).toContain("First start of this data directory.");
    const shared = { ...PLAIN, databaseUrl: "postgres://signet@db/signet" };
    expect(firstStartNotice(server, shared, false)).toContain("First start of this database.");
  });

  it("says where the console is, as browsers find it", () => {
    const server = { url: "http://0.0.0.0:8080", dataDirectory: "data", adminTokenFile: "data/t", firstStart: MADE };
    expect(firstStartNotice(server, PLAIN, false)).toContain(
      "a console             at http://127.0.0.1:8080/console/\n",
    );
    const publicUrls = [{ origin: "https://signet.example", path: "/x" }];
    expect(firstStartNotice(server, { ...PLAIN, publicUrls }, false)).toContain(
      "at https://signet.example/x/console/\n",
    );
    expect(firstStartNotice(server, { ...PLAIN, console: "off" }, false)).not.toContain("console");
  });

  it("shows the token to a terminal only, and nothing at another start", () => {
    const server = { url: HERE, dataDirectory: "data", adminTokenFile: "data/admin-token", firstStart: MADE };
    expect(firstStartNotice(server, PLAIN, true)).toContain(MADE.adminToken);
    expect(firstStartNotice(server, PLAIN, false)).not.toContain(MADE.adminToken);
    expect(firstStartNotice({ ...server, firstStart: null }, PLAIN, true)).toBe("");
  });
});
