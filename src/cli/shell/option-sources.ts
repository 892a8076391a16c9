import type { Command } from "commander";
import { UsageError } from "./cli-error.js";
import { contextNamed, readContexts, type Context } from "./context-file.js";
import type { GlobalOptions, Shell } from "./shell.js";
import { isFlagOnly, isUsed, scopeOf } from "./used-options.js";

/** The program options that an environment variable or a context can set, with the variable. */
const VARIABLES = {
  url: "SIGNET_URL",
  ca: "SIGNET_CA",
  clientCert: "SIGNET_CLIENT_CERT",
  clientKey: "SIGNET_CLIENT_KEY",
  org: "SIGNET_ORG",
  project: "SIGNET_PROJECT",
  env: "SIGNET_ENV",
} as const satisfies Partial<Record<keyof GlobalOptions, string>>;

type SourcedOption = keyof typeof VARIABLES;

const OPTIONS = Object.keys(VARIABLES) as readonly SourcedOption[];

/** The context of a command and how it was chosen. */
interface ChosenContext {
  readonly name: string;
  readonly context: Context;
  /** `--context` or SIGNET_CONTEXT; undefined for the current one. */
  readonly by: string | undefined;
}

/**
 * Gives the options that the command uses and its command line leaves out their values: from the environment, then from the context.
 * Commands read them like flags; `getOptionValueSource` tells them apart (`cli`, `env`, `config`).
 *
 * A context is for its server. When `--url` or SIGNET_URL names another one, nothing of the current context is used, so that its token
 * and names never go there; beside a context that was chosen for this call that is a contradiction, and refused with UsageError.
 */
export function applySources(shell: Shell, program: Command, command: Command): void {
  const scope = scopeOf(command);
  const sourced = OPTIONS.filter((name) => isUsed(scope, name) && !isFlagOnly(command, name));
  const set = (name: SourcedOption, value: string | undefined, source: "env" | "config") => {
    if (value === undefined || value === "" || program.getOptionValue(name) !== undefined) return;
    program.setOptionValueWithSource(name, value, source);
  };
  for (const name of sourced) set(name, shell.io.environment[VARIABLES[name]], "env");
  // The others need no server, or change the contexts themselves.
  if (!isUsed(scope, "timeout") || scope === "login") return;
  const chosen = chooseContext(shell, program);
  if (chosen !== undefined && isOfServer(chosen, program)) {
    shell.context = chosen;
    for (const name of sourced) set(name, chosen.context[name], "config");
  }
  shell.isVerbose = program.getOptionValue("verbose") === true;
  if (shell.isVerbose) tellSources(shell, program, sourced);
}

/** The value's source for a person: the flag, the variable or the context. Undefined for a default. */
function sourceOf(shell: Shell, program: Command, name: SourcedOption): string | undefined {
  const source = program.getOptionValueSource(name);
  if (source === "cli") return "the command line";
  if (source === "env") return VARIABLES[name];
  return source === "config" ? `context ${shell.context?.name ?? ""}` : undefined;
}

function tellSources(shell: Shell, program: Command, sourced: readonly SourcedOption[]): void {
  for (const name of sourced) {
    const source = sourceOf(shell, program, name);
    if (source !== undefined) shell.notice(`${name}: ${String(program.getOptionValue(name))}, from ${source}`);
  }
}

function chooseContext(shell: Shell, program: Command): ChosenContext | undefined {
  const { SIGNET_CONTEXT = "" } = shell.io.environment;
  const flag = program.getOptionValue("context") as string | undefined;
  const contexts = readContexts(shell.io.environment);
  const name = flag ?? (SIGNET_CONTEXT === "" ? contexts.current : SIGNET_CONTEXT);
  if (name === null) return undefined;
  const by = flag === undefined ? (SIGNET_CONTEXT === "" ? undefined : "SIGNET_CONTEXT") : "--context";
  return { name, context: contextNamed(contexts, name), by };
}

function isOfServer({ name, context, by }: ChosenContext, program: Command): boolean {
  const url = program.getOptionValue("url") as string | undefined;
  if (url === undefined || isSameServer(url, context.url)) return true;
  if (by === undefined) return false;
  const given = program.getOptionValueSource("url") === "env" ? "SIGNET_URL" : "--url";
  throw new UsageError(`${given} is ${url}, but context "${name}" (${by}) is for ${context.url}: use one of them`);
}

/** Whether two URLs name the same server: scheme, host, port and path. */
export function isSameServer(a: string, b: string): boolean {
  const form = (url: string) => (URL.canParse(url) ? new URL(url).href.replace(/\/+$/, "") : url);
  return form(a) === form(b);
}
