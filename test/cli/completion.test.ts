import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { grammarOf } from "../../src/cli/completion/grammar.js";
import { buildProgram } from "../../src/cli/program.js";
import { Shell } from "../../src/cli/shell/shell.js";
import { loadConfig } from "../../src/config/config.js";
import { startServer, type RunningServer } from "../../src/server/server.js";
import { everyCommand } from "./every-command.js";
import { runSignet } from "./in-process.js";

const folder = mkdtempSync(join(tmpdir(), "signet-completion-"));
const ADMIN = "an-admin-token-that-the-test-chose";
let server: RunningServer;

beforeAll(async () => {
  const flags = { port: "0", data: join(folder, "data"), logLevel: "silent" };
  server = await startServer(loadConfig({ SIGNET_ADMIN_TOKEN: ADMIN }, flags));
  for (const shell of ["bash", "zsh", "fish"]) {
    const { exitCode, out, err } = await runSignet(["completion", shell]);
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
    writeFileSync(join(folder, `signet.${shell}`), out);
  }
  // What the scripts call; it writes what it was asked, too.
  writeFileSync(
    join(folder, "signet"),
    `#!/bin/sh\necho "$@" >> '${folder}/asked'\nprintf 'dev\\nstaging\\nprod\\n'\n`,
  );
  chmodSync(join(folder, "signet"), 0o755);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** What the shell offers for a line whose last word is being typed. */
type Complete = (words: readonly string[]) => readonly string[];

function run(file: string, args: readonly string[], script: string): readonly string[] {
  const env = { PATH: `${folder}:/usr/bin:/bin`, HOME: folder, LC_ALL: "C.UTF-8" };
  const text = execFileSync(file, [...args, script], { cwd: folder, env, encoding: "utf8", timeout: 20_000 });
  return text.split("\n").filter((line) => line !== "");
}

const words = (list: readonly string[]) => list.map((word) => `'${word}'`).join(" ");

/** Bash takes words apart at `=`, as COMP_WORDBREAKS says. */
const bashWords = (list: readonly string[]) => list.flatMap((word) => word.split(/(?<==)|(?==)/));

const SHELLS: Readonly<Record<string, Complete>> = {
  bash: (list) =>
    run(
      "bash",
      ["--norc", "-c"],
      `source ./signet.bash; COMP_WORDS=(${words(bashWords(list))}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _signet; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ),
  zsh: (list) =>
    run(
      "zsh",
      ["-f", "-c"],
      // The line editor's builtins work in a widget only: these offer what matches, as they do.
      `compdef() { : }; offer() { for it in "$@"; do [[ $it == "\${words[CURRENT]##*=}"* ]] && print -r -- $it; done; : }
       _describe() { [[ $1 == -o ]] && shift; offer \${\${(P)2}%%:*} }; compadd() { offer \${(P)2} }; compset() { : }; _files() { offer * }
       source ./signet.zsh; words=(${words(list)}); CURRENT=$#words; _signet; :`,
    ),
  fish: (list) =>
    run("fish", ["--no-config", "-c"], `source signet.fish; complete -C '${list.join(" ")}'`).map((line) =>
      (line.split("\t")[0] ?? "").replace(/^--[a-z-]+=/, ""),
    ),
};

/** Bash is everywhere that the tests run; the others count where they are installed. */
const INSTALLED = Object.keys(SHELLS).filter((shell) => spawnSync(shell, ["--version"]).status === 0);

describe.each(INSTALLED)("completion in %s", (shell) => {
  it.each([
    [["signet", "pub"], ["publish"]],
    [
      ["signet", "completion", ""],
      ["bash", "zsh", "fish"],
    ],
    [["signet", "token", "gener"], ["generate"]],
    [["signet", "--env", "dev", "token", "gener"], ["generate"]],
    [["signet", "publish", "--source-rev"], ["--source-revision"]],
    [["signet", "bundles", "--befo"], ["--before"]],
    [
      ["signet", "envs", "create", "x", "--signing-key", ""],
      ["organization", "environment"],
    ],
    [["signet", "publish", "--env", "st"], ["staging"]],
    [["signet", "publish", "--env=st"], ["staging"]],
    [
      ["signet", "promote", "--from", ""],
      ["dev", "staging", "prod"],
    ],
    [["signet", "context", "use", "p"], ["prod"]],
    [["signet", "publish", "-f", "signet.b"], ["signet.bash"]],
    [["signet", "publish", "--title", ""], []],
  ])("%j", (list, offered) => {
    expect([...(SHELLS[shell]?.(list) ?? [])].sort()).toEqual([...offered].sort());
  });

  it("asks the server that the line names", () => {
    writeFileSync(join(folder, "asked"), "");
    SHELLS[shell]?.(["signet", "--url", "http://h", "publish", "--project", "p", "--env", ""]);
    const asked = execFileSync("cat", [join(folder, "asked")], { encoding: "utf8" });
    expect(asked).toBe("__complete environments --url http://h --project p\n");
  });
});

describe("what is completed", () => {
  const io = { argv: [], environment: {}, isTerminal: false } as unknown as Shell["io"];
  const places = grammarOf(buildProgram(new Shell(io, false)));

  it("is every command with every option of its help", async () => {
    expect(INSTALLED).toContain("bash");
    for (const { words: path } of everyCommand("policy.json")) {
      const { out } = await runSignet([...path.split(" "), "--help"]);
      const shown = [...out.matchAll(/^ {2}(?:-\w, )?(--[a-z0-9.-]+)/gm)].map(([, option]) => option);
      const offered = places.find((place) => place.path === path)?.options.map(({ word }) => word);
      expect(offered, path).toEqual(expect.arrayContaining(shown));
    }
  });

  it("is no hidden command", () => {
    expect(places.map(({ path }) => path)).not.toContain("__complete");
  });
});

describe("signet __complete", () => {
  const environment = () => ({ SIGNET_URL: server.url, SIGNET_TOKEN: ADMIN });

  it.each([
    ["environments", "dev\nstaging\nprod\n"],
    ["projects", "default\n"],
    ["contexts", ""],
  ])("%s", async (kind, out) => {
    expect(await runSignet(["__complete", kind], { environment: environment() })).toEqual({
      exitCode: 0,
      out,
      err: "",
    });
  });

  it.each([
    [["environments"], {}],
    [["environments"], { SIGNET_URL: "http://127.0.0.1:1", SIGNET_TOKEN: "t" }],
    [["environments", "--project", "nosuch"], undefined],
    [["nonsense"], {}],
    [["environments", "--nonsense"], {}],
    [["contexts"], { SIGNET_CONFIG: "/dev/null/no" }],
  ])("%j says nothing when it fails", async (argv, variables) => {
    const result = await runSignet(["__complete", ...argv], { environment: variables ?? environment() });
    expect(result).toEqual({ exitCode: 0, out: "", err: "" });
  });
});
