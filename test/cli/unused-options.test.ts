import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { isUsed, scopeOf } from "../../src/cli/shell/used-options.js";
import { everyCommand } from "./every-command.js";
import { runSignet } from "./in-process.js";

const folder = mkdtempSync(join(tmpdir(), "signet-unused-"));
const file = join(folder, "file.json");
writeFileSync(file, "{}");
const commands = everyCommand(file);

describe("an option that a command does not use", () => {
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  // Nobody listens there: a command that takes its options goes on to find that out.
  const environment = { SIGNET_TOKEN: "t", SIGNET_URL: "http://127.0.0.1:1" };
  const options = [
    ["url", "http://127.0.0.1:1"],
    ["org", "o"],
    ["project", "p"],
    ["env", "dev"],
    ["timeout", "9"],
  ] as const;
  const cases = commands.flatMap(({ words, command, argv }) =>
    options
      .filter(([option]) => !isUsed(scopeOf(command), option))
      .map(([option, value]) => [words, option, argv, value] as const),
  );

  it("is one of these, at least", () => {
    const told = cases.map(([words, option]) => `${words} --${option}`);
    const known = ["audit head --env", "token list --env", "whoami --project", "serve --url", "token generate --org"];
    expect(told).toEqual(expect.arrayContaining(known));
    expect(told).not.toContain("publish --env");
  });

  it.each(cases)("signet %s --%s is a usage error, before anything is done", async (words, option, argv, value) => {
    const { exitCode, out, err } = await runSignet([...argv, `--${option}`, value], { environment });
    expect(err).toContain(`--${option} has no effect on "${words}"`);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
  });

  it.each([
    [["token", "create", "--admin", "--project", "p"], '--project has no effect on "token create"'],
    [["token", "create", "--ci", "--env", "dev"], '--env has no effect on "token create"'],
    [["token", "create", "--admin", "--data", "d"], "unset SIGNET_TOKEN"],
    [["token", "create", "--admin", "--data", "d", "--org", "o"], '--org has no effect on "token create"'],
    [["keys", "--env", "dev"], '--env has no effect on "keys list"'],
    [["keys", "--pem", "--project", "p"], '--project has no effect on "keys list"'],
    [["promote", "--from", "dev", "--env", "staging"], "--from and --env"],
  ])("signet %j is one too", async (argv, part) => {
    const { exitCode, err } = await runSignet(argv, { environment });
    expect(err).toContain(part);
    expect(exitCode).toBe(2);
  });

  it.each(
    commands.filter(({ words }) => words !== "serve" && words !== "licenses").map((it) => [it.words, it] as const),
  )("is not in the help of signet %s, and what it uses is", async (words, { command }) => {
    const { out } = await runSignet([...words.split(" "), "--help"]);
    for (const [option] of options) expect(out.includes(`  --${option} <`)).toBe(isUsed(scopeOf(command), option));
  });
});
