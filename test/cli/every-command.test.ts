import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { afterAll, describe, expect, it } from "vitest";
import { buildProgram } from "../../src/cli/program.js";
import { Shell } from "../../src/cli/shell/shell.js";
import { isUsed, scopeOf, wordsOf } from "../../src/cli/shell/used-options.js";
import { everyCommand } from "./every-command.js";
import { runSignet, type RunOptions } from "./in-process.js";

const folder = mkdtempSync(join(tmpdir(), "signet-every-"));
const file = join(folder, "file.json");
writeFileSync(file, "{}");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const commands = everyCommand(file);
const io = { argv: [], environment: {}, isTerminal: false } as unknown as Shell["io"];
const program = buildProgram(new Shell(io, false));
const tops = program.createHelp().visibleCommands(program);

describe("the help", () => {
  it("has every command in a group", () => {
    const groups = tops.map((command) => [command.name(), command.helpGroup()]);
    expect(groups.filter(([, group]) => group === "")).toEqual([]);
  });

  it.each(tops.filter((command) => command.commands.length > 0).map(wordsOf))(
    "of the group %s has examples of its commands",
    async (words) => {
      const { out } = await runSignet(["help", ...words.split(" ")]);
      expect(/\nExamples?:\n( {2}signet .*\n)+$/.exec(out)?.[0]).toContain(`  signet ${words} `);
    },
  );

  /** The help of a command and of those in it. */
  async function helpOf(command: Command): Promise<string> {
    const words = wordsOf(command);
    const { out } = await runSignet(["help", ...words.split(" ")]);
    const inner = command.commands.filter((it) => it.name() !== "help").map(helpOf);
    return [`$ signet help ${words}`, out, ...(await Promise.all(inner))].join("\n");
  }

  /** The options of the program are the same on every page: their texts stand on its own. */
  const GLOBAL_OPTIONS = /^Global Options:\n(?:  .*\n)+/gm;
  const namesOnly = (text: string) => `Global Options: ${(text.match(/--[a-z-]+(?= )/g) ?? []).join(" ")}\n`;

  // `vitest -u` writes them anew: read the difference as a user would.
  it.each(tops.map((command) => [command.name(), command] as const))("of signet %s", async (name, command) => {
    const text = (await helpOf(command)).replaceAll(hostname(), "HOST").replaceAll(GLOBAL_OPTIONS, namesOnly);
    await expect(text).toMatchFileSnapshot(`help/${name}.txt`);
  });

  it("of signet", async () => {
    await expect((await runSignet(["help"])).out).toMatchFileSnapshot("help/signet.txt");
  });
});

interface ExitCase {
  readonly argv?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly exitCode: number;
  /** On standard output for exit code 0, else on standard error. */
  readonly says: string;
}

const ID = "0b0c0d0e-0000-4000-8000-000000000001";
const DOWN = { SIGNET_URL: "http://127.0.0.1:1", SIGNET_TOKEN: "t" };
const CONTEXTS = join(folder, "contexts.json");
writeFileSync(CONTEXTS, '{"version":1,"current":"a","contexts":{"a":{"url":"http://127.0.0.1:1"}}}', { mode: 0o600 });
const DECLARATION = join(folder, "declaration.json");
writeFileSync(DECLARATION, '{"signet":1,"organizations":[]}');
const NEW_ROOT = ["trust", "init", "--no-passphrase", "--org", ID, "--project", ID];
const KEPT = { SIGNET_CONFIG: CONTEXTS };

/** An agent's configuration whose token is nowhere. */
const AGENT = join(folder, "agent.json");
writeFileSync(
  join(folder, "agent.pem"),
  "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAD8c8uiy3Rc5ZEQVsN2UUTfnGgQk9MbYPv8IVnJcOBUY=\n-----END PUBLIC KEY-----\n",
);
writeFileSync(
  AGENT,
  JSON.stringify({
    ...{ url: "http://127.0.0.1:1", keys: "agent.pem", org: ID, project: ID, state: "agent" },
    environments: [{ name: "prod" }],
  }),
);

/** The commands that need no server or no token, with a case of each exit code that they have of their own. */
const CASES: Readonly<Record<string, readonly ExitCase[]>> = {
  agent: [
    { argv: ["agent"], exitCode: 2, says: "no environment given: pass --env" },
    { argv: ["agent", "--env", "prod"], exitCode: 2, says: "pass --root" },
    { argv: ["agent", "--env", "prod", "--root", "none.json"], exitCode: 6, says: "--root: cannot read" },
    { argv: ["agent", "--env", "prod", "--root", file], exitCode: 6, says: "--root: is not a root document" },
    {
      argv: ["agent", "--env", "prod", "--keys", join(folder, "agent.pem")],
      exitCode: 2,
      says: "--project: is required",
    },
    {
      argv: ["agent", "--env", "prod", "--root", file, "--write", "policy=/a"],
      exitCode: 2,
      says: "one of document, content, policies, files",
    },
    { argv: ["agent", "--config", file], exitCode: 6, says: "file.json:1:1: environments is required" },
    { argv: ["agent", "--config", AGENT, "--run", "true"], exitCode: 2, says: "--run cannot go with --config" },
    { argv: ["agent", "--config", AGENT, "--check", "--once"], exitCode: 2, says: "not both" },
    { argv: ["agent", "--config", AGENT], exitCode: 3, says: "no token: the variable SIGNET_TOKEN" },
    { argv: ["agent", "--config", AGENT, "--check"], exitCode: 3, says: "no token: the variable SIGNET_TOKEN" },
  ],
  serve: [{ argv: ["serve", "--port", "x"], exitCode: 2, says: "--port must be a whole number" }],
  quickstart: [{ argv: ["quickstart", "--port", "x"], exitCode: 2, says: "port must be a whole number" }],
  doctor: [
    { environment: DOWN, exitCode: 7, says: "is the server running" },
    { argv: ["doctor", "--data", join(folder, "none")], exitCode: 4, says: "not found" },
  ],
  migrate: [
    { argv: ["migrate"], exitCode: 2, says: "give one of --to and --undo-mark" },
    { argv: ["migrate", "--to", "postgres"], exitCode: 2, says: "SIGNET_DATABASE_URL" },
    { argv: ["migrate", "--undo-mark", "sqlite", "--data", folder], exitCode: 2, says: "pass --yes" },
    { argv: ["migrate", "--undo-mark", "sqlite", "--data", folder, "--yes"], exitCode: 4, says: "no Signet database" },
  ],
  status: [{ environment: DOWN, exitCode: 7, says: "is the server running" }],
  health: [{ environment: DOWN, exitCode: 7, says: "is the server running" }],
  open: [{ environment: DOWN, exitCode: 0, says: "http://127.0.0.1:1/console/\n" }],
  version: [{ environment: DOWN, exitCode: 0, says: "no Signet server answers at http://127.0.0.1:1" }],
  completion: [{ exitCode: 0, says: "complete -F _signet signet" }],
  "keys reseal": [{ exitCode: 6, says: "SIGNET_DATABASE_URL must be set" }],
  licenses: [{ exitCode: 0, says: "Apache License" }],
  login: [
    { environment: { ...DOWN, ...KEPT }, exitCode: 7, says: "is the server running" },
    { exitCode: 6, says: "no token given" },
  ],
  logout: [
    { exitCode: 2, says: "no current context" },
    { environment: KEPT, exitCode: 0, says: "has no token" },
  ],
  "context list": [{ environment: KEPT, exitCode: 0, says: "http://127.0.0.1:1" }],
  "context use": [
    { exitCode: 2, says: "no context" },
    { argv: ["context", "use", "a"], environment: KEPT, exitCode: 0, says: "context a is the current one" },
  ],
  "context show": [
    { exitCode: 2, says: "no current context" },
    { environment: KEPT, exitCode: 0, says: "http://127.0.0.1:1" },
  ],
  "context set": [
    { exitCode: 2, says: "no place to keep a context" },
    { environment: { SIGNET_CONFIG: join(folder, "set.json") }, exitCode: 0, says: "created context default" },
  ],
  "context remove": [{ environment: KEPT, exitCode: 2, says: "existing: a" }],
  "token generate": [{ exitCode: 0, says: "signet_ci_" }],
  verify: [
    { exitCode: 2, says: "pass --keys or --root" },
    { argv: ["verify", "none.json", "--keys", file], exitCode: 6, says: "no such file" },
    { argv: ["verify", "--keys", file], exitCode: 2, says: "pass a file" },
    { argv: ["verify", "--root", file], exitCode: 8, says: "an envelope has payload" },
  ],
  import: [
    { exitCode: 3, says: "no token" },
    { environment: DOWN, exitCode: 6, says: "no such file" },
  ],
  "trust-origin add": [
    { exitCode: 3, says: "no token" },
    { environment: DOWN, exitCode: 6, says: "contains no PEM public key" },
  ],
  "trust init": [
    { exitCode: 3, says: "no token" },
    { environment: DOWN, exitCode: 7, says: "is the server running" },
    { argv: ["trust", "init", "--keys", file], exitCode: 2, says: "--org must be a UUID" },
    { argv: [...NEW_ROOT, "--keys", file], exitCode: 6, says: "contains no PEM public key" },
  ],
  "trust show": [{ exitCode: 6, says: "signet trust init makes one" }],
  "trust new-key": [{ argv: ["trust", "new-key", file], exitCode: 6, says: "exists already and is not overwritten" }],
  "trust add-key": [{ exitCode: 6, says: "no such file" }],
  "trust remove-key": [{ exitCode: 6, says: "signet trust init makes one" }],
  "trust threshold": [{ exitCode: 6, says: "signet trust init makes one" }],
  "trust rule": [
    { argv: ["trust", "rule"], exitCode: 2, says: "pass a role, or --rollback" },
    { exitCode: 6, says: "signet trust init makes one" },
  ],
  "trust revoke": [{ exitCode: 6, says: "neither a SHA-256 of 64 lower-case hex digits nor a file" }],
  "trust renew": [{ exitCode: 6, says: "signet trust init makes one" }],
  "trust sign": [{ exitCode: 6, says: "nothing waits to be signed" }],
  "trust add-signature": [{ exitCode: 6, says: "nothing waits to be signed" }],
  "trust message": [{ exitCode: 6, says: "nothing waits to be signed" }],
  "trust accept": [{ exitCode: 6, says: "nothing waits to be signed" }],
  "trust publish": [{ environment: DOWN, exitCode: 6, says: "signet trust init makes one" }],
  "trust pull": [{ environment: DOWN, exitCode: 6, says: "signet trust init makes one" }],
  "trust online-keys": [
    { environment: DOWN, exitCode: 6, says: "signet trust init makes one" },
    { argv: ["trust", "online-keys", "--keys", file], exitCode: 6, says: "contains no PEM public key" },
  ],
  "trust verify": [
    { exitCode: 6, says: "signet trust init makes one" },
    { argv: ["trust", "verify", file], exitCode: 8, says: "an envelope has payload" },
  ],
  "release create": [{ exitCode: 6, says: "cannot read trust/root.json" }],
  "release sign": [{ exitCode: 6, says: "no such file" }],
  "release add-signature": [{ exitCode: 6, says: "no such file" }],
  "release message": [{ exitCode: 6, says: "no such file" }],
  "release verify": [
    { exitCode: 6, says: "no such file" },
    { argv: ["release", "verify", file], exitCode: 8, says: "an envelope has payload" },
  ],
  "release upload": [{ environment: DOWN, exitCode: 6, says: "no such file" }],
  restore: [{ exitCode: 4, says: "there is no file" }],
  "verify-backup": [{ exitCode: 4, says: "there is no file" }],
  apply: [
    { exitCode: 6, says: "the declaration cannot be used" },
    { argv: ["apply", "-f", DECLARATION], exitCode: 2, says: "pass --yes" },
    { argv: ["apply", "-f", DECLARATION, "--yes"], environment: DOWN, exitCode: 7, says: "is the server running" },
  ],
};

describe("exit codes", () => {
  const run = async (argv: readonly string[], options: RunOptions) => await runSignet(argv, options);

  it.each(commands.map(({ words, argv }) => [words, argv] as const))(
    "signet %s: 2 for an unknown option",
    async (words, argv) => {
      const { exitCode, out, err } = await run([...argv, "--no-such-option"], {});
      expect({ words, exitCode, out }).toEqual({ words, exitCode: 2, out: "" });
      expect(err).toContain("unknown option '--no-such-option'");
    },
  );

  const own = commands.flatMap(({ words, argv }) => (CASES[words] ?? []).map((it) => [words, it, argv] as const));
  it.each(own)("signet %s: %o", async (_words, { argv, environment = {}, exitCode, says }, least) => {
    const result = await run(argv ?? least, { environment });
    expect(exitCode === 0 ? result.out : result.err).toContain(says);
    expect(result.exitCode).toBe(exitCode);
  });

  const others = commands.filter(({ words }) => CASES[words] === undefined);
  it("every command without a case calls a server with a token", () => {
    const offline = others.filter(({ command }) => !isUsed(scopeOf(command), "timeout")).map(({ words }) => words);
    expect(offline).toEqual([]);
    // And no case is left over from a command that is gone.
    expect(Object.keys(CASES).filter((words) => commands.every((it) => it.words !== words))).toEqual([]);
  });

  it.each(others.map(({ words, argv }) => [words, argv] as const))(
    "signet %s: 3 without a token, 7 without a server",
    async (_words, argv) => {
      const { SIGNET_URL } = DOWN;
      const nobody = await run(argv, { environment: { SIGNET_URL } });
      expect(nobody.err).toContain("no token: run signet login");
      expect({ exitCode: nobody.exitCode, out: nobody.out }).toEqual({ exitCode: 3, out: "" });
      const down = await run(argv, { environment: DOWN });
      expect(down.err).toContain("is the server running");
      expect({ exitCode: down.exitCode, out: down.out }).toEqual({ exitCode: 7, out: "" });
    },
  );
});
