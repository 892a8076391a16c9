import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type Cluster } from "../../../tools/postgres/cluster.js";
import { selfSigned } from "../../outbound/self-signed.js";
import { testDatabase } from "../../support/postgres/test-database.js";
import { checkOf, poolsOf } from "./pools.js";

const OWN = selfSigned("127.0.0.1");
const OTHER = selfSigned("127.0.0.1");

const FILES = { "ca.pem": OWN.cert, "other.pem": OTHER.cert, "key.pem": OWN.key };

describe("TLS to the database", () => {
  let cluster: Cluster;
  let directory = "";
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "signet-database-tls-"));
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(directory, name), text);
    const tls = { cert: OWN.cert, key: OWN.key, required: true };
    cluster = await startCluster({ password: "p@ss", tls, settings: { ssl_ca_file: "server.crt" } });
  }, 60_000);
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });

  const url = (query: string, host = "127.0.0.1") =>
    `postgres://signet:p%40ss@${host}:${cluster.port}/postgres?${query.replaceAll("$", `${directory}/`)}`;

  it.each([
    ["sslmode=disable", null, "127.0.0.1", "no encryption (28000)"],
    ["", null, "127.0.0.1", null],
    ["sslmode=prefer", null, "127.0.0.1", null],
    ["sslmode=require", null, "127.0.0.1", null],
    ["sslmode=require", OTHER.cert, "127.0.0.1", "DEPTH_ZERO_SELF_SIGNED_CERT"],
    ["sslmode=require", OWN.cert, "localhost", null],
    ["sslmode=verify-ca", OWN.cert, "localhost", null],
    ["sslmode=verify-ca&sslrootcert=$ca.pem", null, "localhost", null],
    ["sslmode=verify-ca&sslrootcert=$other.pem", null, "localhost", "DEPTH_ZERO_SELF_SIGNED_CERT"],
    ["sslmode=verify-full", OWN.cert, "127.0.0.1", null],
    ["sslmode=verify-full", OWN.cert, "localhost", "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["sslmode=verify-full", null, "127.0.0.1", "DEPTH_ZERO_SELF_SIGNED_CERT"],
    ["sslmode=verify-full&sslrootcert=system", null, "127.0.0.1", "DEPTH_ZERO_SELF_SIGNED_CERT"],
    ["", OWN.cert, "127.0.0.1", null],
    ["", OWN.cert, "localhost", "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["", OTHER.cert, "127.0.0.1", "DEPTH_ZERO_SELF_SIGNED_CERT"],
    ["sslmode=require&channel_binding=require", null, "127.0.0.1", null],
  ])("?%s with a CA %j at %s: %s", async (query, ca, host, refusal) => {
    const found = await checkOf(url(query, host), ca);
    if (refusal === null) expect(found).toBeNull();
    else expect(found).toMatchObject({ code: "unavailable", message: expect.stringContaining(refusal) as string });
  });

  it.each([
    ["sslmode=disable", OWN.cert, "would not use it"],
    ["sslmode=prefer&sslrootcert=$ca.pem", null, "would not use it"],
    ["sslmode=verify-ca", null, "needs SIGNET_DATABASE_CA"],
    ["sslrootcert=$ca.pem", OWN.cert, "given twice"],
    ["sslrootcert=$none.pem", null, "cannot read"],
    ["sslmode=require&sslcert=$ca.pem&sslkey=$none.pem", null, "sslkey of the database's URL: cannot read"],
  ])("?%s with a CA %j is refused: %s", async (query, ca, message) => {
    expect(await checkOf(url(query), ca)).toMatchObject({
      code: "invalid",
      message: expect.stringContaining(message) as string,
    });
  });

  it("is used wherever the server has it, and shows a client certificate", async () => {
    for (const [query, subject] of [
      ["", null],
      ["sslmode=require&sslcert=$ca.pem&sslkey=$key.pem", "/CN=test"],
    ] as const) {
      await using pools = poolsOf(url(query));
      const client = await pools.read.connect();
      const { rows } = await client.query("select ssl, client_dn from pg_stat_ssl where pid = pg_backend_pid()");
      client.release();
      expect(rows).toEqual([{ ssl: true, client_dn: subject }]);
    }
  });

  it("that a server does not have is no hindrance to prefer, and one to require", async () => {
    const database = await testDatabase();
    expect(await checkOf(`${database.url}?sslmode=prefer`)).toBeNull();
    expect(await checkOf(`${database.url}?sslmode=require`)).toMatchObject({
      message: expect.stringContaining("the server has no TLS, which sslmode asks for") as string,
    });
  });

  it("a wrong password and none are told as such", async () => {
    const wrong = url("").replace("p%40ss", "SECRET");
    expect((await checkOf(wrong))?.message).toMatch(/password authentication failed for user "signet" \(28P01\)$/);
    expect((await checkOf(url("").replace(":p%40ss", "")))?.message).toMatch(
      /asks for a password, and the URL has none$/,
    );
  });
});
