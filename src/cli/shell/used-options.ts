import type { Command } from "commander";
import { UsageError } from "./cli-error.js";
import type { GlobalOptions } from "./shell.js";

type OptionName = keyof GlobalOptions;

const SERVER = ["url", "ca", "clientCert", "clientKey", "timeout"] as const;

/** How much of the options of every command a command uses. `--json` is for all: errors are told by it too. */
const SCOPES = {
  nothing: [],
  server: SERVER,
  organization: [...SERVER, "org"],
  project: [...SERVER, "org", "project"],
  environment: [...SERVER, "org", "project", "env"],
  /** What a document says it is, without a server. */
  identity: ["org", "project", "env"],
} as const satisfies Record<string, readonly OptionName[]>;

export type OptionScope = keyof typeof SCOPES;

/** By the command's words, or by those that several commands begin with; the longest counts. */
const SCOPE_OF: Readonly<Record<string, OptionScope>> = {
  serve: "nothing",
  publish: "environment",
  promote: "environment",
  activate: "environment",
  rollback: "environment",
  release: "environment",
  // A pipeline is found by its name in the whole organization; an app by its environment's name in the project.
  pipeline: "server",
  "pipeline create": "project",
  "pipeline update": "project",
  "pipeline promote": "project",
  "pipeline diff": "project",
  "pipeline add-app": "project",
  "pipeline remove-app": "project",
  artifact: "server",
  "artifact list": "project",
  "artifact create": "project",
  bundles: "environment",
  diff: "environment",
  deployments: "environment",
  prune: "environment",
  watch: "environment",
  verify: "identity",
  // With --pem and --env; else "server", which it looks at itself.
  keys: "environment",
  token: "organization",
  "token create": "environment",
  "token generate": "nothing",
  "token list": "project",
  whoami: "server",
  audit: "organization",
  webhook: "organization",
  orgs: "server",
  projects: "organization",
  envs: "project",
  runtimes: "environment",
  apply: "server",
  health: "server",
  licenses: "nothing",
};

/** The words of a command, without the program's own: `token create`. */
export function wordsOf(command: Command): string {
  const words: string[] = [];
  for (let at: Command | null = command; at?.parent; at = at.parent) words.unshift(at.name());
  return words.join(" ");
}

/** What a command uses. Throws for one that SCOPE_OF does not know: a defect, which a test finds. */
export function scopeOf(command: Command): OptionScope {
  for (let words = wordsOf(command); words !== ""; words = words.split(" ").slice(0, -1).join(" ")) {
    const scope = SCOPE_OF[words];
    if (scope !== undefined) return scope;
  }
  throw new Error(`${wordsOf(command)}: SCOPE_OF does not say which options it uses`);
}

/** Whether a command of this scope uses an option of every command. */
export function isUsed(scope: OptionScope, option: string): boolean {
  const used: readonly string[] = SCOPES[scope];
  return option === "json" || used.includes(option);
}

/**
 * Throws UsageError when the caller set an option that the command would not look at: whoever names an environment means it.
 *
 * @param scope where it depends on the other options
 */
export function refuseUnusedOptions(command: Command, scope = scopeOf(command)): void {
  const program = rootOf(command);
  for (const option of program.options) {
    const name = option.attributeName();
    if (program.getOptionValueSource(name) !== "cli" || isUsed(scope, name)) continue;
    throw new UsageError(`${option.long ?? name} means nothing to "${wordsOf(command)}": leave it out`);
  }
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}
