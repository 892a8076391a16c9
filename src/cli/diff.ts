import type { Command } from "commander";
import { wholeNumber } from "./shell/numbers.js";
import { Session } from "./shell/session.js";
import type { Shell } from "./shell/shell.js";
import { printable } from "./shell/table.js";

/** One operation of a JSON Patch (RFC 6902). */
interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

const MARKS: Readonly<Record<string, readonly [mark: string, color: string]>> = {
  add: ["+", "32"],
  remove: ["-", "31"],
  replace: ["~", "33"],
};

/** `signet diff`: what changed from one version to another. */
export function addDiff(program: Command, shell: Shell): void {
  program
    .command("diff")
    .description("show what turns the policies of one version into those of another, as JSON Patch (RFC 6902)")
    .argument("<from>", "a version", wholeNumber(1))
    .argument("<to>", "another one", wholeNumber(1))
    .action(async (version: number, otherVersion: number, _options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      const request = { ...(await session.environment()), version, otherVersion };
      const { patch } = await session.client.bundles.diffBundles(request);
      shell.answer(
        () => patch,
        () => formatPatch(JSON.parse(patch) as readonly Operation[], shell.color),
      );
    });
}

function formatPatch(patch: readonly Operation[], color: boolean): string {
  if (patch.length === 0) return "no difference\n";
  return patch
    .map(({ op, path, from, value }) => {
      const [mark, code] = MARKS[op] ?? [op, "0"];
      const detail = from ?? (value === undefined ? "" : JSON.stringify(value));
      const line = printable(`${mark} ${path === "" ? "(the whole document)" : path} ${detail}`.trimEnd());
      return color ? `\u001b[${code}m${line}\u001b[0m\n` : `${line}\n`;
    })
    .join("");
}
