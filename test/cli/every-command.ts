import type { Command } from "commander";
import { buildProgram } from "../../src/cli/program.js";
import { Shell } from "../../src/cli/shell/shell.js";
import { wordsOf } from "../../src/cli/shell/used-options.js";

const UUID = "0b0c0d0e-0000-4000-8000-000000000001";

/** What a command wants besides what commander knows to be required. */
const MORE: Readonly<Record<string, readonly string[]>> = {
  "token create": ["--runtime", "--env", "dev"],
  "token generate": ["--ci"],
  backup: ["--keep"],
  diff: ["--from", "dev", "--to", "prod"],
  promote: ["--from", "dev"],
  "envs update": ["--position", "1"],
  "pipeline update": ["--name", "n"],
  "webhook update": ["--active"],
  "context set": ["--env", "dev"],
  apply: ["--dry-run"],
  "trust rule": ["--rollback", "server"],
  "webhook replay": ["--since", "2026-01-31T12:00:00Z"],
};

export interface SampleCommand {
  readonly words: string;
  readonly command: Command;
  /** The words and the least that the command takes. */
  readonly argv: readonly string[];
}

/** Every command that does something, with arguments that pass its own checks. `file` holds a JSON object. */
export function everyCommand(file: string): readonly SampleCommand[] {
  const io = { argv: [], environment: {}, isTerminal: false } as unknown as Shell["io"];
  return leavesOf(buildProgram(new Shell(io, false))).map((command) => {
    const words = wordsOf(command);
    const given = command.registeredArguments
      .filter(({ required }) => required)
      .map(({ argChoices, parseArg }) => argChoices?.[0] ?? (parseArg === undefined ? UUID : "1"));
    const options = command.options
      .filter(({ mandatory }) => mandatory)
      .flatMap(({ long, parseArg, argChoices }) => {
        if (argChoices?.[0] !== undefined) return [long ?? "", argChoices[0]];
        if (long === "--file" || long === "--keys") return [long, file];
        if (long === "--output") return [long, `${file}.written`];
        return [long ?? "", parseArg === undefined ? UUID : "1"];
      });
    // Nobody is there to be asked.
    const confirmed = command.options.some(({ long }) => long === "--yes") ? ["--yes"] : [];
    const argv = [...words.split(" "), ...given, ...options, ...(MORE[words] ?? confirmed)];
    if (words === "publish") argv.push(file);
    return { words, command, argv };
  });
}

function leavesOf(command: Command): readonly Command[] {
  // Not the hidden ones, which only programs call.
  const visible = command.createHelp().visibleCommands(command);
  return visible.length === 0 ? [command] : visible.filter((it) => it.name() !== "help").flatMap(leavesOf);
}
