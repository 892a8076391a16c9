import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import http from "node:http";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadConfig, SETTING_NAMES, SETTINGS } from "../../src/config/config.js";
import type { Setting } from "../../src/config/setting.js";
import { startServer } from "../../src/server/server.js";
import { VERSION } from "../../src/assets/version.js";
import { everyCommand } from "./every-command.js";
import { runSignet } from "./in-process.js";

const environment = { SIGNET_TOKEN: "a-token", SIGNET_URL: "http://127.0.0.1:1" };

const REFUSED =
  "signet: http://127.0.0.1:1 does not answer: connect ECONNREFUSED 127.0.0.1:1; is the server running at http://127.0.0.1:1? " +
  "Start one with signet serve, or name another with --url\n";

describe("the command line", () => {
  it("has help with commands, where the token comes from, and exit codes", async () => {
    const { exitCode, out, err } = await runSignet(["help"]);
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
    for (const word of ["serve", "publish", "audit", "SIGNET_TOKEN_FILE", "Exit codes:", "8    not verified"]) {
      expect(out).toContain(word);
    }
  });

  it("tells its version", async () => {
    expect(await runSignet(["--version"])).toEqual({ exitCode: 0, out: `${VERSION}\n`, err: "" });
  });

  it("lists the server's settings as flags, secrets apart", async () => {
    const { exitCode, out, err } = await runSignet(["serve", "--help", "--all"]);
    for (const argv of [
      ["serve", "--all", "--help"],
      ["serve", "--help-all"],
      ["help", "serve", "--all"],
    ]) {
      expect((await runSignet(argv)).out).toBe(out);
    }
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
    const settings = SETTING_NAMES.map((name): Setting => SETTINGS[name]);
    expect(settings.filter((setting) => !out.includes(`(${setting.env}`)).map(({ env }) => env)).toEqual([
      "SIGNET_ADMIN_TOKEN",
      "SIGNET_SIGNING_KEY",
      "SIGNET_NEXT_SIGNING_KEY",
      "SIGNET_DATABASE_URL",
      "SIGNET_DATABASE_DIRECT_URL",
      "SIGNET_KEY_SECRET",
      "SIGNET_NEW_KEY_SECRET",
      "SIGNET_BACKUP_PASSPHRASE",
    ]);
    expect(out).toContain("SIGNET_ADMIN_TOKEN");
    expect(out).not.toContain("--admin-token");
    expect(out).not.toContain("--signing-key");
  });

  it("shows the common settings first, under headings", async () => {
    const { out } = await runSignet(["serve", "--help"]);
    expect(out.match(/^[A-Z]\w+:$/gm)).toEqual(["Address:", "Data:", "TLS:", "Operation:", "Options:", "Example:"]);
    expect(out.match(/\(SIGNET_/g)).toHaveLength(10);
    expect(out).toContain("--all ");
    expect(out).not.toContain("--help-all");
  });

  it.each([
    [[], "no command given"],
    [["frobnicate"], "unknown command 'frobnicate'"],
    [["publish"], "--file"],
    [["publish", "-f", "x.json", "--nonsense"], "unknown option '--nonsense'"],
    [["publish", "-f", "x.json", "--label", "novalue"], "key=value"],
    [["publish", "-f", "x.json", "--label", "a=1", "--label", "a=2"], "twice"],
    [["publish", "-f", "x.json", "--if-match", "1.5"], "whole number"],
    [["activate", "0x10"], "whole number"],
    [["activate"], "version"],
    [["bundles", "get", "0"], "whole number"],
    [["bundles", "document", "1", "extra"], "too many arguments"],
    [["--url", "nonsense", "whoami"], "is not a URL"],
    [["--url", "ftp://127.0.0.1", "whoami"], "is not a URL"],
    [["promote"], "--from"],
    [["token", "create"], "--admin, --ci, --runtime, --viewer or --metrics"],
    [["token", "create", "--admin", "--ci"], "--admin, --ci, --runtime, --viewer or --metrics"],
    [["token", "create", "--admin", "--environments", "dev"], "--ci only"],
    [["envs", "update", "dev"], "--position"],
    [["serve", "--all"], "signet serve --help --all"],
    [["help", "token", "--all"], "--all has no effect"],
    [["serve", "--idle-timeout-ms", "5"], "--idle-timeout-ms is no setting any more, the limit is fixed at 300000"],
    [["serve", "--port", "65536"], "--port must be a whole number"],
    [["serve", "--cors-origins", "*"], "--cors-origins"],
    [["verify", "f.json"], "--keys"],
    [["prune", "--dry-run", "--yes"], "cannot be used with option '--yes'"],
    [["verify", "f.json", "--keys", "k.pem", "--org", "acme"], "UUID"],
    [["--timeout", "0", "whoami"], "whole number"],
  ])("signet %j is a usage error", async (argv, part) => {
    const { exitCode, out, err } = await runSignet(argv, { environment });
    expect(err).toContain(part);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
  });

  it.each([
    [join(tmpdir(), "signet-nowhere.json"), "no such file or directory"],
    [join(process.execPath, "policies.json"), "not a directory"],
  ])("names a file that it cannot read once: %s", async (name, reason) => {
    const { exitCode, err } = await runSignet(["publish", "--env", "dev", "-f", name], { environment });
    expect({ exitCode, err }).toEqual({ exitCode: 6, err: `signet: cannot read ${name}: ${reason}\n` });
  });

  it("tells usage errors as JSON too when it is asked for", async () => {
    const { exitCode, out, err } = await runSignet(["frobnicate", "--json"]);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
    expect(JSON.parse(err)).toMatchObject({ error: "usage", exit_code: 2, fields: [], request_id: null });
  });

  it("cannot connect: exit code 7", async () => {
    const { exitCode, err } = await runSignet(["whoami", "--json"], { environment });
    expect(exitCode).toBe(7);
    expect(JSON.parse(err)).toMatchObject({ error: "unavailable", exit_code: 7 });
  });

  it("gets no answer in time: exit code 7", async () => {
    await using silent = await silentServer();
    const argv = ["whoami", "--timeout", "1", "--json"];
    const { exitCode, err } = await runSignet(argv, { environment: { ...environment, SIGNET_URL: silent.url } });
    expect(exitCode).toBe(7);
    expect(JSON.parse(err)).toMatchObject({ error: "timeout", exit_code: 7 });
    const health = await runSignet(["health", "--timeout", "1", "--url", silent.url]);
    expect(health).toEqual({
      exitCode: 7,
      out: "",
      err: `signet: ${silent.url} does not answer: no response in time\n`,
    });
  });

  it("says why a server does not answer", async () => {
    const { exitCode, err } = await runSignet(["health"], { environment });
    expect(exitCode).toBe(7);
    expect(err).toBe(REFUSED);
  });

  it("health --wait asks until the server is ready", async () => {
    const answers = [503, 503, 200];
    const starting = http.createServer((_, answer) => void answer.writeHead(answers.shift() ?? 500).end());
    await once(starting.listen(0, "127.0.0.1"), "listening");
    const { port } = starting.address() as AddressInfo;
    const health = await runSignet(["health", "--wait", "--url", `http://127.0.0.1:${port}`]);
    expect(health).toEqual({ exitCode: 0, out: `ready: http://127.0.0.1:${port}\n`, err: "" });
    expect(answers).toEqual([]);
    await once(starting.close(), "close");
  });

  it("health --wait says why when the time is over", async () => {
    const { exitCode, err } = await runSignet(["health", "--wait", "--timeout", "1"], { environment });
    expect(exitCode).toBe(7);
    expect(err).toBe(REFUSED);
  });

  it("is interrupted while it waits for an answer: 130, and not a word", async () => {
    await using silent = await silentServer();
    const stop = new AbortController();
    void silent.connected.then(() => stop.abort(130));
    const silentEnvironment = { ...environment, SIGNET_URL: silent.url };
    const result = await runSignet(["whoami"], { environment: silentEnvironment, signal: stop.signal });
    expect(result).toEqual({ exitCode: 130, out: "", err: "" });
  });

  it("is interrupted: 130, and not a word", async () => {
    const result = await runSignet(["whoami"], { environment, signal: AbortSignal.abort(130) });
    expect(result).toEqual({ exitCode: 130, out: "", err: "" });
  });
});

describe("help", () => {
  it("shows the help of a command of any depth, and refuses an unknown one", async () => {
    expect((await runSignet(["help", "token", "create"])).out).toBe(
      (await runSignet(["token", "create", "--help"])).out,
    );
    for (const words of [["publsh"], ["token", "mak"]]) {
      const { exitCode, out, err } = await runSignet(["help", ...words]);
      expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
      expect(err).toBe(`signet: unknown command '${words.join(" ")}': signet help lists them\n`);
    }
  });

  it("suggests a command in the same line", async () => {
    const { err } = await runSignet(["publsh"]);
    expect(err).toContain("unknown command 'publsh' (did you mean publish?)\n");
  });

  it.each(everyCommand("policy.json").map(({ words }) => words))(
    "of signet %s has examples that it takes",
    async (words) => {
      const { out } = await runSignet([...words.split(" "), "--help"]);
      const examples = /\nExamples?:\n((?: {2}signet .*\n)+)$/.exec(out)?.[1]?.trimEnd().split("\n") ?? [];
      expect(examples).not.toEqual([]);
      // A group's default command may be left out, and one example may prepare the next.
      expect(examples.at(-1)).toMatch(new RegExp(`^  signet ${words.replace(/ list$/, "( list)?")}( |$)`));
      for (const option of examples
        .filter((line) => line.includes(words))
        .join(" ")
        .match(/(?<= )--?[a-z][a-z0-9-]*/g) ?? []) {
        expect(out).toContain(`${option} `);
      }
    },
  );
});

describe("the token", () => {
  const folder = mkdtempSync(join(tmpdir(), "signet-cli-"));
  const file = join(folder, "admin-token");
  writeFileSync(file, "from-the-file\n", { mode: 0o600 });
  const url = "http://127.0.0.1:1";

  it("is asked for: 3", async () => {
    const { exitCode, err } = await runSignet(["whoami", "--url", url]);
    expect(exitCode).toBe(3);
    expect(err).toContain("set SIGNET_TOKEN or SIGNET_TOKEN_FILE");
    expect(err).toContain("SIGNET_DATA to the server's data directory (there is no /nonexistent/admin-token)");
  });

  it("comes from the data directory of this machine's server, and that is said when asked", async () => {
    const quiet = await runSignet(["whoami", "--url", url], { environment: { SIGNET_DATA: folder } });
    expect(quiet.exitCode).toBe(7);
    expect(quiet.err).not.toContain(file);
    const argv = ["whoami", "--url", url, "--verbose"];
    const { exitCode, err } = await runSignet(argv, { environment: { SIGNET_DATA: folder } });
    expect(exitCode).toBe(7);
    expect(err).toContain(`token: from ${file}\n`);
    expect(err).toContain(`url: ${url}, from the command line\n`);
    expect(err).not.toContain("from-the-file");
  });

  it("is asked about by the place that it came from", async () => {
    const made = mkdtempSync(join(tmpdir(), "signet-cli-server-"));
    await using server = await startServer(loadConfig({}, { port: "0", data: made, logLevel: "silent" }));
    const { err } = await runSignet(["whoami", "--url", server.url], { environment: { SIGNET_TOKEN: "another" } });
    expect(err).toContain("; the token came from SIGNET_TOKEN; signet login keeps another one\n");
  });

  it("is asked about when the server does not know it", async () => {
    const made = mkdtempSync(join(tmpdir(), "signet-cli-server-"));
    await using server = await startServer(loadConfig({}, { port: "0", data: made, logLevel: "silent" }));
    const { exitCode, err } = await runSignet(["whoami", "--url", server.url], {
      environment: { SIGNET_DATA: folder },
    });
    expect(exitCode).toBe(3);
    expect(err).toContain(`; check that ${file} belongs to the server at ${server.url}\n`);
    const named = await runSignet(["whoami", "--url", server.url], { environment: { SIGNET_TOKEN: "another" } });
    expect(named.exitCode).toBe(3);
    expect(named.err).not.toContain("of the server");
  });

  it("is never sent to another machine unless it was named", async () => {
    const argv = ["whoami", "--url", "http://signet.invalid"];
    const { exitCode, err } = await runSignet(argv, { environment: { SIGNET_DATA: folder } });
    expect(exitCode).toBe(3);
    expect(err).not.toContain("using");
    expect(err).toContain("set SIGNET_TOKEN or SIGNET_TOKEN_FILE");
  });

  it("is not taken from a file that others can read", async () => {
    chmodSync(file, 0o644);
    const { exitCode, err } = await runSignet(["whoami", "--url", url], { environment: { SIGNET_DATA: folder } });
    chmodSync(file, 0o600);
    expect(exitCode).toBe(6);
    expect(err).toContain("chmod 600");
  });

  it.each([
    [{ SIGNET_TOKEN: "line\nbreak" }, "SIGNET_TOKEN is not a token"],
    [{ SIGNET_TOKEN_FILE: "/nonexistent/token" }, "cannot read the token file"],
  ])("is refused without being repeated: %j", async (wrong, part) => {
    const { exitCode, err } = await runSignet(["whoami", "--url", url], { environment: wrong });
    expect(exitCode).toBe(6);
    expect(err).toContain(part);
    expect(err).not.toContain("break");
  });
});

/** Accepts connections and says nothing. */
async function silentServer() {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on("error", () => undefined)));
  const connected = once(server, "connection");
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await once(server.close(), "close");
  };
  return { url: `http://127.0.0.1:${port}`, connected, [Symbol.asyncDispose]: close };
}
