import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { selfSigned } from "../outbound/self-signed.js";
import { runSignet } from "./in-process.js";
import { runProcess, startServe, type Signet } from "./spawned.js";

const folder = mkdtempSync(join(tmpdir(), "signet-cli-tls-"));
const file = (name: string) => join(folder, name);
const first = selfSigned("127.0.0.1");
const identity = selfSigned("client.example");
const data = join(folder, "data");
const serveFlags = ["--tls-cert", file("tls.crt"), "--tls-key", file("tls.key"), "--log-level", "info"];

function install({ cert, key }: { cert: string; key: string }): void {
  writeFileSync(file("tls.crt"), cert);
  writeFileSync(file("tls.key"), key);
}

let server: Signet;
let url = "";
beforeAll(async () => {
  install(first);
  writeFileSync(file("ca.pem"), first.cert);
  writeFileSync(file("client.crt"), identity.cert);
  writeFileSync(file("client.key"), identity.key);
  ({ server, url } = await startServe(data, ...serveFlags, "--tls-client-ca", file("client.crt")));
});
afterAll(() => server[Symbol.asyncDispose]());

const client = () => ["--client-cert", file("client.crt"), "--client-key", file("client.key")];
const whoami = (argv: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
  runSignet(["whoami", "--url", url, ...argv], { environment: { SIGNET_DATA: data, ...environment } });

describe("signet serve with TLS", () => {
  it("is asked for its health with the certificates that every command takes", async () => {
    const ask = (...argv: string[]) => runSignet(["health", "--url", url, ...argv], { environment: {} });
    expect(await ask("--ca", file("ca.pem"), ...client())).toMatchObject({ exitCode: 0, out: "ready\n" });
    const refused = await ask("--ca", file("ca.pem"));
    expect([refused.exitCode, refused.out]).toEqual([7, ""]);
    expect(refused.err).toContain("client certificate");
    const distrusted = await ask(...client());
    expect([distrusted.exitCode, distrusted.out]).toEqual([7, ""]);
    expect(distrusted.err).toMatch(/does not answer: self-signed certificate; pass the CA .* --ca or SIGNET_CA\n$/);
  });

  it("says that its port speaks TLS to who calls without", async () => {
    const plain = url.replace("https:", "http:");
    for (const command of ["health", "whoami"]) {
      const { exitCode, err } = await runSignet([command, "--url", plain], { environment: { SIGNET_DATA: data } });
      expect(exitCode).toBe(7);
      expect(err).toMatch(/port speaks TLS: use https/);
    }
  });

  it("says that it listens on https", () => {
    expect(url).toMatch(/^https:/);
  });

  it("takes another certificate on SIGHUP, and a bad one never", async () => {
    const next = selfSigned("127.0.0.1");
    install({ cert: next.cert, key: first.key });
    server.child.kill("SIGHUP");
    expect(await server.errLine(/refused/)).toContain("does not belong to the certificate");
    install(next);
    server.child.kill("SIGHUP");
    await server.errLine(/the TLS certificate was replaced/);
    const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1", rejectUnauthorized: false });
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    expect(socket.getPeerX509Certificate()?.toString()).toBe(next.cert.replace(/[A-Za-z0-9+/=]{65,}/, wrapped));
    socket.destroy();
    // For the other tests.
    install(first);
    server.child.kill("SIGHUP");
    await expect.poll(() => server.err.match(/the TLS certificate was replaced/g)?.length).toBe(2);
    expect(server.err).not.toContain("PRIVATE KEY");
  });

  it("does not start on a certificate that cannot be used", async () => {
    const expired = selfSigned("127.0.0.1", ["200101000000Z", "200102000000Z"]);
    writeFileSync(file("expired.crt"), expired.cert);
    writeFileSync(file("expired.key"), expired.key);
    const flags = ["--tls-cert", file("expired.crt"), "--tls-key", file("expired.key")];
    const { exitCode, out, err } = await runProcess(["serve", "--port", "0", "--data", file("none"), ...flags], {});
    expect([exitCode, out]).toEqual([6, ""]);
    expect(err).toContain(`the certificate ${file("expired.crt")} expired on Jan  2 00:00:00 2020 GMT`);
  });

  it("does not start on half of a pair", async () => {
    const { exitCode, err } = await runProcess(["serve", "--tls-cert", file("tls.crt")], {});
    expect(exitCode).toBe(2);
    expect(err).toContain("SIGNET_TLS_CERT and SIGNET_TLS_KEY must be set together");
  });
});

describe("a command that calls a server with TLS", () => {
  it("trusts the CA of --ca, and shows the client's certificate", async () => {
    expect(await whoami(["--ca", file("ca.pem"), ...client()])).toMatchObject({ exitCode: 0 });
  });

  it("takes them from the environment too", async () => {
    const environment = {
      SIGNET_CA: file("ca.pem"),
      SIGNET_CLIENT_CERT: file("client.crt"),
      SIGNET_CLIENT_KEY: file("client.key"),
    };
    expect(await whoami([], environment)).toMatchObject({ exitCode: 0 });
  });

  it.each([
    ["no CA", client, 7, /self-signed certificate; pass the CA that signed it with --ca or SIGNET_CA/],
    ["no client certificate", () => ["--ca", file("ca.pem")], 7, /client certificate: pass --client-cert/],
    ["a CA file that is not there", () => ["--ca", file("none.pem")], 6, /cannot read .*none\.pem/],
    [
      "a CA file that holds none",
      () => ["--ca", file("tls.key"), ...client()],
      6,
      /tls\.key contains no PEM certificate/,
    ],
    ["half of a client certificate", () => client().slice(0, 2), 2, /--client-cert and --client-key together/],
    [
      "a client key that is another's",
      () => ["--client-cert", file("client.crt"), "--client-key", file("tls.key"), "--ca", file("ca.pem")],
      6,
      /cannot use the client certificate/,
    ],
  ])("%s: says so", async (_name, argv, exitCode, message) => {
    const result = await whoami(argv());
    expect([result.exitCode, result.out]).toEqual([exitCode, ""]);
    expect(result.err).toMatch(message);
  });
});

function wrapped(base64: string): string {
  return base64.match(/.{1,64}/g)?.join("\n") ?? "";
}
