import type { Command } from "commander";
import { UsageError } from "./cli-error.js";
import type { GlobalOptions } from "./shell.js";

type OptionName = keyof GlobalOptions;

const SERVER = ["url", "ca", "clientCert", "clientKey", "timeout", "context", "verbose"] as const;

/** The program's options that commands of a scope use. `--json` is for all: errors follow it too. */
const SCOPES = {
  nothing: [],
  server: SERVER,
  organization: [...SERVER, "org"],
  project: [...SERVER, "org", "project"],
  environment: [...SERVER, "org", "project", "env"],
  /** The identity that a document must have; no server. */
  identity: ["org", "project", "env"],
  /** The project that a root is made for; no server. */
  projectIdentity: ["org", "project"],
  /** An environment that has a rule of its own in a root document; no server. */
  place: ["env"],
  /** Changes a kept context; its values come from the command line alone. */
  context: ["url", "ca", "clientCert", "clientKey", "org", "project", "env", "context"],
  login: [...SERVER, "org", "project", "env"],
  /** Of a program that runs for ever: no kept context, which is a person's. */
  agent: ["url", "ca", "clientCert", "clientKey", "org", "project", "env"],
  /** Names a kept context. */
  contextName: ["context"],
} as const satisfies Record<string, readonly OptionName[]>;

/** The name of a set of program options. */
export type OptionScope = keyof typeof SCOPES;

/** By the words of a command or of its group; the longest match counts. */
const SCOPE_OF: Readonly<Record<string, OptionScope>> = {
  quickstart: "nothing",
  serve: "nothing",
  migrate: "nothing",
  backup: "server",
  backups: "server",
  restore: "nothing",
  "verify-backup": "nothing",
  login: "login",
  logout: "contextName",
  context: "nothing",
  "context show": "contextName",
  "context set": "context",
  completion: "nothing",
  __complete: "project",
  events: "project",
  version: "server",
  status: "project",
  open: "server",
  publish: "environment",
  promote: "environment",
  activate: "environment",
  rollback: "environment",
  trust: "nothing",
  // With --keys "projectIdentity", which the command checks itself.
  "trust init": "project",
  "trust status": "project",
  // The project is the root document's. With --keys "nothing".
  "trust online-keys": "server",
  "trust publish": "server",
  "trust pull": "server",
  "trust add-key": "place",
  "trust remove-key": "place",
  "trust threshold": "place",
  "trust rule": "place",
  release: "nothing",
  // The project is the release's.
  "release upload": "server",
  "release list": "project",
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
  export: "environment",
  import: "environment",
  "trust-origin": "organization",
  diff: "environment",
  schema: "project",
  deployments: "environment",
  history: "environment",
  prune: "environment",
  agent: "agent",
  watch: "environment",
  // With a file "identity".
  verify: "environment",
  keys: "server",
  // With --pem and --env; otherwise "server", which the command checks itself.
  "keys list": "environment",
  "keys reseal": "nothing",
  token: "organization",
  "token create": "environment",
  "token generate": "nothing",
  "token list": "project",
  whoami: "server",
  audit: "organization",
  "audit list": "environment",
  webhook: "organization",
  orgs: "server",
  projects: "organization",
  envs: "project",
  runtimes: "environment",
  rollout: "environment",
  apply: "server",
  health: "server",
  // With --data "nothing", which the command checks itself.
  doctor: "server",
  nodes: "server",
  help: "nothing",
  licenses: "nothing",
};

/**
 * Options that commands take from their command line only, not from the environment or a context: a filter, a new value or an expected
 * identity must be asked for.
 */
const FLAG_ONLY: Readonly<Record<string, readonly OptionName[]>> = {
  login: ["org", "project", "env"],
  "context set": ["url", "ca", "clientCert", "clientKey", "org", "project", "env"],
  "pipeline create": ["project"],
  "pipeline update": ["project"],
  "artifact list": ["project"],
  "audit list": ["env"],
  "token list": ["project"],
  agent: ["org", "project"],
  watch: ["org", "project", "env"],
  verify: ["org", "project", "env"],
  "trust add-key": ["env"],
  "trust remove-key": ["env"],
  "trust threshold": ["env"],
  "trust rule": ["env"],
};

/** The words of a command, without the program's own: `token create`. */
export function wordsOf(command: Command): string {
  const words: string[] = [];
  for (let at: Command | null = command; at?.parent; at = at.parent) words.unshift(at.name());
  return words.join(" ");
}

/** What a command uses that needs no server when it is given a file. */
const SCOPE_WITH_FILE: Readonly<Record<string, OptionScope>> = { verify: "identity" };

/** The scope of a command, parsed or not. Throws for a command that SCOPE_OF does not list: a defect, which a test finds. */
export function scopeOf(command: Command): OptionScope {
  for (let words = wordsOf(command); words !== ""; words = words.split(" ").slice(0, -1).join(" ")) {
    const scope = (hasFile(command) ? SCOPE_WITH_FILE[words] : undefined) ?? SCOPE_OF[words];
    if (scope !== undefined) return scope;
  }
  throw new Error(`${wordsOf(command)}: missing in SCOPE_OF`);
}

/** Whether the command line has an argument: what commander did not parse, such as --help, is there too. */
function hasFile({ args }: Command): boolean {
  return args.some((word) => word === "-" || !word.startsWith("-"));
}

/** Whether a command takes a program option, by its attribute name, from its command line only. */
export function isFlagOnly(command: Command, option: OptionName): boolean {
  return FLAG_ONLY[wordsOf(command)]?.includes(option) === true;
}

/** Whether commands of a scope use a program option, by its attribute name. */
export function isUsed(scope: OptionScope, option: string): boolean {
  const used: readonly string[] = SCOPES[scope];
  return option === "json" || used.includes(option);
}

/**
 * Throws UsageError when the command line has a program option that the command would ignore: `--env prod` must not go unnoticed.
 *
 * @param scope if it depends on other options
 */
export function refuseUnusedOptions(command: Command, scope = scopeOf(command)): void {
  const program = rootOf(command);
  for (const option of program.options) {
    const name = option.attributeName();
    if (program.getOptionValueSource(name) !== "cli" || isUsed(scope, name)) continue;
    throw new UsageError(`${option.long ?? name} has no effect on "${wordsOf(command)}": remove it`);
  }
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}
