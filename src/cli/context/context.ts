import { resolve } from "node:path";
import type { Command } from "commander";
import { line } from "../../core/printable.js";
import { UsageError } from "../shell/cli-error.js";
import {
  checkContextName,
  contextFilePath,
  contextNamed,
  readContexts,
  withContext,
  writeContexts,
  type Context,
} from "../shell/context-file.js";
import { examples } from "../shell/help.js";
import { isSameServer } from "../shell/option-sources.js";
import { serverUrl } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { formatFacts, formatTable } from "../shell/table.js";
import { chosenName } from "./chosen.js";

const HELP = `
A context is a server with its token, kept by signet login. SIGNET_CONTEXT or --context picks one for a call. Flags and SIGNET_
variables come before it; when one of them names another server, nothing of the context is used.
`;

/** `signet context`: the kept servers. */
export function addContext(program: Command, shell: Shell): void {
  const context = program
    .command("context")
    .description("list, show, choose, change and remove the servers that signet login keeps")
    .addHelpText("after", examples("signet context list", "signet context use staging"));
  context
    .command("list", { isDefault: true })
    .description("list contexts; * is the current one")
    .addHelpText("after", HELP + examples("signet context list"))
    .action(() => list(shell));
  context
    .command("use")
    .description("make a context the current one")
    .argument("<name>", "name of the context")
    .addHelpText("after", examples("signet context use staging"))
    .action(async (name: string) => {
      const contexts = readContexts(shell.io.environment);
      const { url } = contextNamed(contexts, name);
      await writeContexts(shell.io.environment, { ...contexts, current: name });
      const { SIGNET_CONTEXT = "" } = shell.io.environment;
      if (SIGNET_CONTEXT !== "") shell.notice(`SIGNET_CONTEXT is set: commands use ${SIGNET_CONTEXT} meanwhile`);
      shell.answer(
        () => JSON.stringify({ current: name, url }),
        () => line`context ${name} is the current one: ${url}\n`,
      );
    });
  context
    .command("show")
    .description("show the current context, or --context, without its token")
    .addHelpText("after", examples("signet context show"))
    .action((_: unknown, command: Command) => {
      const chosen = chosenName(shell, command, readContexts(shell.io.environment));
      if (chosen === undefined) throw new UsageError("there is no current context: create one with signet login");
      const shown = { name: chosen.name, ...withoutToken(chosen.context), file: fileOf(shell) };
      shell.answer(
        () => JSON.stringify(shown),
        () => formatFacts(Object.entries(shown).map(([key, value]) => [key.replaceAll("_", " "), value])),
      );
    });
  addSet(context, shell);
  context
    .command("remove")
    .description("remove a context with its token; the token itself stays valid")
    .argument("<name>", "name of the context")
    .addHelpText("after", examples("signet context remove staging"))
    .action(async (name: string) => {
      const contexts = readContexts(shell.io.environment);
      contextNamed(contexts, name);
      const all = new Map([...contexts.all].filter(([it]) => it !== name));
      const current = contexts.current === name ? null : contexts.current;
      await writeContexts(shell.io.environment, { current, all });
      shell.answer(
        () => JSON.stringify({ removed: name }),
        () => line`removed context ${name}\n`,
      );
    });
}

function addSet(context: Command, shell: Shell): void {
  context
    .command("set")
    .description("change the current context, or --context, which may be new; an empty value clears one")
    .addHelpText(
      "after",
      "\nNothing is checked by the server. With another --url the token is dropped: log in there.\n" +
        examples("signet context set --project shop --env dev", "signet context set --context staging --env ''"),
    )
    .action(async (_: unknown, command: Command) => {
      const { context: flag, ...options } = command.optsWithGlobals<GlobalOptions>();
      const given = SETTABLE.flatMap((name) => {
        const value = options[name];
        return value === undefined ? [] : [[name, value] as const];
      });
      if (given.length === 0) {
        throw new UsageError(
          "nothing to change: pass --url, --ca, --client-cert, --client-key, --org, --project or --env",
        );
      }
      const contexts = readContexts(shell.io.environment);
      const { SIGNET_CONTEXT = "" } = shell.io.environment;
      const name = checkContextName(flag ?? (SIGNET_CONTEXT === "" ? (contexts.current ?? "default") : SIGNET_CONTEXT));
      const before = contexts.all.get(name);
      const after = changed(before, given);
      if (before?.token !== undefined && after.token === undefined) {
        shell.notice("the token was for another server and is dropped: run signet login");
      }
      const current = contexts.current ?? name;
      await writeContexts(shell.io.environment, { ...withContext(contexts, name, after), current });
      shell.answer(
        () => JSON.stringify({ name, ...withoutToken(after) }),
        () => line`${before === undefined ? "created" : "changed"} context ${name}\n`,
      );
    });
}

const SETTABLE = ["url", "ca", "clientCert", "clientKey", "org", "project", "env"] as const;
const FILES: ReadonlySet<string> = new Set(["ca", "clientCert", "clientKey"]);

function changed(before: Context | undefined, given: readonly (readonly [string, string])[]): Context {
  const cleared = new Set(given.flatMap(([name, value]) => (value === "" ? [name] : [])));
  const set = given
    .filter(([, value]) => value !== "")
    .map(([name, value]) => [name, FILES.has(name) ? resolve(value) : value] as const);
  const kept = Object.entries(before ?? {}).filter(([name]) => !cleared.has(name));
  const after = { ...Object.fromEntries([...kept, ...set]) } as Partial<Context>;
  const url = serverUrl(after);
  const { token, ...rest } = after;
  const keepsToken = token !== undefined && before !== undefined && isSameServer(before.url, url);
  return { ...rest, ...(keepsToken ? { token } : {}), url };
}

function list(shell: Shell): void {
  const { current, all } = readContexts(shell.io.environment);
  const rows = [...all].map(([name, context]) => ({ name, is_current: name === current, ...withoutToken(context) }));
  if (rows.length === 0 && !shell.json) shell.notice("no contexts: create one with signet login");
  shell.answer(
    () => JSON.stringify(rows),
    () =>
      formatTable(
        rows,
        [
          ["CURRENT", ({ is_current }) => (is_current ? "*" : " ")],
          ["NAME", ({ name }) => name],
          ["SERVER", ({ url }) => url],
          ["TOKEN", ({ has_token }) => has_token],
          ["ORGANIZATION", ({ org }) => org],
          ["PROJECT", ({ project }) => project],
          ["ENVIRONMENT", ({ env }) => env],
        ],
        shell.tableStyle,
      ),
  );
}

/** A context as it may be shown: whether it has a token, and not the token. */
function withoutToken({ url, ca, clientCert, clientKey, org, project, env, token }: Context) {
  return {
    url,
    has_token: token !== undefined,
    org: org ?? null,
    project: project ?? null,
    env: env ?? null,
    ca: ca ?? null,
    client_cert: clientCert ?? null,
    client_key: clientKey ?? null,
  };
}

function fileOf(shell: Shell): string {
  return contextFilePath(shell.io.environment) ?? "";
}
