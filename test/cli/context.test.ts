import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/config.js";
import { startServer, type RunningServer } from "../../src/server/server.js";
import { runSignet, type RunOptions } from "./in-process.js";

const ADMIN = ["an-admin-token-of-the-first-server", "an-admin-token-of-the-second-server"] as const;
const folder = mkdtempSync(join(tmpdir(), "signet-context-"));
const home = join(folder, "home");
const file = join(home, ".config/signet/contexts.json");
const servers: RunningServer[] = [];

beforeAll(async () => {
  for (const [i, token] of ADMIN.entries()) {
    const environment = { SIGNET_ADMIN_TOKEN: token };
    const flags = { port: "0", data: join(folder, `data-${i}`), logLevel: "silent" };
    servers.push(await startServer(loadConfig(environment, flags)));
  }
});
beforeEach(() => rmSync(home, { recursive: true, force: true }));
afterAll(async () => {
  for (const server of servers) await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function signet(argv: readonly string[], environment: Record<string, string> = {}, options: RunOptions = {}) {
  return await runSignet(argv, { ...options, environment: { HOME: home, ...environment } });
}

const url = (i: 0 | 1) => servers[i]?.url ?? "";

async function login(i: 0 | 1, name: string, ...more: string[]) {
  const argv = ["login", "--url", url(i), "--context", name, ...more];
  const { exitCode, err, out } = await signet(argv, {}, { stdin: `${ADMIN[i]}\n` });
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
  expect(out).not.toContain(ADMIN[i]);
}

const kept = () => JSON.parse(readFileSync(file, "utf8")) as { current: string; contexts: Record<string, object> };

describe("signet login", () => {
  it("keeps server, token and names in a file that only its owner can read", async () => {
    await login(0, "first", "--project", "default", "--env", "dev");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, ".config/signet")).mode & 0o777).toBe(0o700);
    expect(kept()).toEqual({
      version: 1,
      current: "first",
      contexts: { first: { url: url(0), project: "default", env: "dev", token: ADMIN[0] } },
    });
    const published = await signet(["publish", "-f", "-", "--json"], {}, { stdin: '{"a":1}' });
    expect({ ...published, out: "" }).toEqual({ exitCode: 0, err: "", out: "" });
    expect(JSON.parse(published.out)).toMatchObject({ version: 1, is_active: true });
  });

  it("takes the token from SIGNET_TOKEN, and from a terminal that does not show it", async () => {
    const named = await signet(["login", "--url", url(0)], { SIGNET_TOKEN: ADMIN[0] });
    expect(named.out).toContain("context local is the current one");
    const echo: boolean[] = [];
    const typed = await signet(
      ["login", "--url", url(1)],
      {},
      { stdin: `x\u007f${ADMIN[1]}\r`, isInTerminal: true, isErrTerminal: true, onEcho: (isOn) => echo.push(isOn) },
    );
    expect(typed.exitCode, typed.err).toBe(0);
    expect(typed.err).toBe(`Token for ${url(1)} (not shown): \n`);
    expect(echo).toEqual([false, true]);
    expect(kept().contexts).toMatchObject({ local: { token: ADMIN[0] } });
    expect(kept().current).toBe(new URL(url(1)).host.replace(":", "-"));
  });

  it("ends with Ctrl-C at the prompt, and shows again what is typed", async () => {
    const echo: boolean[] = [];
    const options = { stdin: "abc\u0003", isInTerminal: true, onEcho: (isOn: boolean) => echo.push(isOn) };
    const { exitCode, err } = await signet(["login", "--url", url(0)], {}, options);
    expect({ exitCode, echo }).toEqual({ exitCode: 130, echo: [false, true] });
    expect(err).not.toContain("abc");
  });

  it.each([
    [["login"], "a-token-that-no-server-made", 3, "token"],
    [["login", "--env", "nosuch"], ADMIN[0], 4, "existing: dev, staging, prod"],
    [["login", "--project", "nosuch"], ADMIN[0], 4, 'project "nosuch" not found'],
    [["login"], "", 6, "no token given"],
    [["login", "--context", "a/b"], ADMIN[0], 2, "cannot name a context"],
  ])("keeps nothing when it fails: signet %j", async (argv, stdin, exitCode, part) => {
    const result = await signet([...argv, "--url", url(0)], {}, { stdin });
    expect(result.err).toContain(part);
    expect(result.exitCode).toBe(exitCode);
    expect(() => statSync(file)).toThrow();
  });

  it("drops the names of a context that moves to another server", async () => {
    await login(0, "one", "--env", "dev");
    await login(1, "one");
    expect(kept().contexts).toEqual({ one: { url: url(1), token: ADMIN[1] } });
  });
});

describe("signet logout", () => {
  it("forgets the token and keeps the rest", async () => {
    await login(0, "one", "--env", "dev");
    expect((await signet(["logout"])).out).toBe("logged out of context one\n");
    expect(readFileSync(file, "utf8")).not.toContain(ADMIN[0]);
    expect(kept().contexts).toEqual({ one: { url: url(0), env: "dev" } });
    const { exitCode, err } = await signet(["whoami"]);
    expect(exitCode).toBe(3);
    expect(err).toContain("run signet login");
    expect((await signet(["logout"])).out).toBe("context one has no token\n");
  });
});

describe("signet context", () => {
  it("lists, shows, chooses and removes, and never shows a token", async () => {
    await login(0, "one");
    await login(1, "two", "--env", "prod");
    for (const argv of [
      ["context"],
      ["context", "show"],
      ["context", "list", "--json"],
      ["context", "show", "--json"],
    ]) {
      const { out } = await signet(argv);
      expect(out).toContain("two");
      for (const token of ADMIN) expect(out).not.toContain(token);
    }
    expect((await signet(["context", "use", "one"])).out).toBe(`context one is the current one: ${url(0)}\n`);
    expect(JSON.parse((await signet(["context", "list", "--json"])).out)).toMatchObject([
      { name: "one", is_current: true, has_token: true, env: null },
      { name: "two", is_current: false, env: "prod" },
    ]);
    await signet(["context", "remove", "one"]);
    expect(kept()).toMatchObject({ current: null, contexts: { two: {} } });
    expect(kept().contexts).not.toHaveProperty("one");
    const missing = await signet(["context", "use", "one"]);
    expect(missing.exitCode).toBe(2);
    expect(missing.err).toContain('no context "one": existing: two');
  });

  it("sets and clears what it is told, and drops the token with the server", async () => {
    await login(0, "one", "--env", "dev");
    await signet(["context", "set", "--project", "default", "--env", "", "--ca", "ca.pem"]);
    const set = { url: url(0), token: ADMIN[0], project: "default", ca: join(process.cwd(), "ca.pem") };
    expect(kept().contexts).toEqual({ one: set });
    const moved = await signet(["context", "set", "--url", url(1)]);
    expect(moved.err).toContain("the token was for another server and is dropped");
    expect(readFileSync(file, "utf8")).not.toContain(ADMIN[0]);
    expect((await signet(["context", "set"])).exitCode).toBe(2);
  });

  it("is refused when others can read the file, when it is none, and when a newer program wrote it", async () => {
    await login(0, "one");
    chmodSync(file, 0o640);
    const open = await signet(["whoami"]);
    expect(open.exitCode).toBe(6);
    expect(open.err).toContain(`other users can read ${file}`);
    for (const [text, part] of [
      ["{", "not JSON"],
      ["[]", "not a context file"],
      ['{"version":1,"contexts":{"a":{"url":1}}}', "not a context"],
      ['{"version":2,"contexts":{}}', "newer version"],
    ] as const) {
      writeFileSync(file, text);
      chmodSync(file, 0o600);
      const { exitCode, err } = await signet(["whoami"]);
      expect({ exitCode, told: err.includes(part) }).toEqual({ exitCode: 6, told: true });
    }
    expect((await signet(["licenses"])).exitCode).toBe(0);
  });

  it.each([
    [{ SIGNET_CONFIG: "own.json" }, "own.json"],
    [{ XDG_CONFIG_HOME: "xdg" }, "xdg/signet/contexts.json"],
  ])("keeps its file where %j says", async (variables, path) => {
    const [[name = "", value = ""] = []] = Object.entries(variables);
    mkdirSync(home, { recursive: true });
    const { exitCode } = await signet(["context", "set", "--env", "dev"], { [name]: join(home, value) });
    expect(exitCode).toBe(0);
    expect(statSync(join(home, path)).mode & 0o777).toBe(0o600);
  });

  it("needs a place", async () => {
    const { exitCode, err } = await runSignet(["context", "set", "--env", "dev"]);
    expect(exitCode).toBe(2);
    expect(err).toContain("set HOME, XDG_CONFIG_HOME or SIGNET_CONFIG");
  });
});

describe("where a value comes from", () => {
  const verbose = async (argv: readonly string[], environment: Record<string, string> = {}) =>
    (await signet([...argv, "--verbose"], environment)).err;

  it("flag, variable, context, in this order", async () => {
    await login(0, "one", "--project", "default", "--env", "dev");
    const variables = { SIGNET_ENV: "staging", SIGNET_TOKEN: ADMIN[0] };
    const flag = await verbose(["bundles", "--env", "prod"], variables);
    expect(flag).toContain("env: prod, from the command line\n");
    const variable = await verbose(["bundles"], variables);
    expect(variable).toContain("env: staging, from SIGNET_ENV\n");
    expect(variable).toContain("token: from SIGNET_TOKEN\n");
    const context = await verbose(["bundles"]);
    expect(context).toContain(`url: ${url(0)}, from context one\n`);
    expect(context).toContain("env: dev, from context one\n");
    expect(context).toContain("token: from context one\n");
  });

  it("comes before the admin token of a data directory", async () => {
    await login(0, "one");
    writeFileSync(join(home, "admin-token"), "another", { mode: 0o600 });
    expect((await signet(["whoami"], { SIGNET_DATA: home })).exitCode).toBe(0);
  });

  it("variables do not make commands fail that do not use them, nor narrow a list or move a pipeline", async () => {
    await login(0, "one", "--project", "default", "--env", "dev");
    const environment = { SIGNET_ORG: "default", SIGNET_PROJECT: "default", SIGNET_ENV: "nosuch" };
    expect((await signet(["whoami"], environment)).exitCode).toBe(0);
    expect((await signet(["context"], environment)).exitCode).toBe(0);
    const tokens = JSON.parse((await signet(["token", "list", "--json"], environment)).out) as { key_type: string }[];
    expect(tokens.map(({ key_type }) => key_type)).toContain("admin");
    await signet(["pipeline", "create", "p"], environment);
    expect((await signet(["pipeline", "update", "p", "--name", "q", "--json"], environment)).out).toContain(
      '"project_id":null',
    );
  });

  it("--from wins over an environment that was not given as a flag", async () => {
    await login(0, "one", "--env", "dev");
    const { err } = await signet(["promote", "--from", "staging"]);
    expect(err).not.toContain("two environments");
    expect((await signet(["promote", "--from", "staging", "--env", "dev"])).exitCode).toBe(2);
  });
});

describe("a token of a context goes to no other server", () => {
  it("--url and SIGNET_URL leave the current context aside, with all that it has", async () => {
    await login(0, "one", "--env", "dev");
    for (const [argv, environment] of [
      [["--url", url(1)], {}],
      [[], { SIGNET_URL: url(1) }],
    ] as const) {
      const { exitCode, err } = await signet(["bundles", ...argv, "--verbose"], environment);
      expect(exitCode).toBe(3);
      expect(err).toContain("no token");
      expect(err).not.toContain("context one");
    }
    // The same server, spelled otherwise.
    expect((await signet(["whoami", "--url", `${url(0).toUpperCase().replace("HTTP", "http")}/`])).exitCode).toBe(0);
  });

  it.each(["flag", "variable"])("a context chosen by %s beside another server is refused", async (how) => {
    await login(0, "one");
    await login(1, "two");
    const by = how === "flag" ? ["--context", "one"] : [];
    const environment: Record<string, string> = how === "flag" ? {} : { SIGNET_CONTEXT: "one" };
    for (const [argv, more] of [
      [["--url", url(1)], {}],
      [[], { SIGNET_URL: url(1) }],
    ] as const) {
      const { exitCode, err } = await signet(["whoami", ...by, ...argv], { ...environment, ...more });
      expect(exitCode).toBe(2);
      expect(err).toContain(`context "one"`);
    }
    const chosen = await signet(["whoami", ...by, "--verbose"], environment);
    expect(chosen.err).toContain(`url: ${url(0)}, from context one`);
    expect(chosen.exitCode).toBe(0);
  });
});
