import { resolve } from "node:path";
import type { Command } from "commander";
import { defined } from "../../core/defined.js";
import { line } from "../../core/printable.js";
import { formatMessage, type WhoAmIResponse } from "../../sdk/index.js";
import { InputError } from "../shell/cli-error.js";
import { checkContextName, readContexts, withContext, writeContexts, type Context } from "../shell/context-file.js";
import { checkToken, hasToken, findToken, isThisMachine, type FoundToken } from "../shell/credentials.js";
import { examples } from "../shell/help.js";
import { isSameServer } from "../shell/option-sources.js";
import { askSecret } from "../shell/prompt.js";
import { serverUrl, Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { formatFacts } from "../shell/table.js";
import { readTextFile } from "../shell/text-files.js";

const HELP = `
The token comes from SIGNET_TOKEN, SIGNET_TOKEN_FILE, a prompt that does not show it, or standard input. It is kept only if the server
accepts it, with the address and --ca, --client-cert, --client-key, --org, --project and --env, in a file that only you can read:
SIGNET_CONFIG, or signet/contexts.json in XDG_CONFIG_HOME (default ~/.config). Commands then need none of these. The new context is
named by --context, or else after the server, and becomes the current one.
`;

/** `signet login`: keeps a server and its token for later commands. */
export function addLogin(program: Command, shell: Shell): void {
  program
    .command("login")
    .description("check a token and keep it, with its server, for later commands")
    .addHelpText(
      "after",
      HELP +
        examples(
          "signet login --url https://signet.example.com --env dev",
          "signet login --context local < data/admin-token",
        ),
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const contexts = readContexts(shell.io.environment);
      const name = nameOf(options, shell, contexts);
      const context = contextOf(options, contexts.all.get(name));
      const token = await tokenFor(shell, context.url);
      if (context.url.startsWith("http:") && !isThisMachine(context.url)) {
        shell.notice(`${context.url} is not encrypted: others on the way can read the token`);
      }
      // Also what the options name is looked up, so that no later command finds it missing.
      using session = Session.as(token, shell, { ...options, ...context });
      const me = await session.whoAmI();
      await checkNames(session, context);
      const kept = { ...withContext(contexts, name, { ...context, token: token.token }), current: name };
      await writeContexts(shell.io.environment, kept);
      answer(shell, name, context, me);
    });
}

/** `--context`, SIGNET_CONTEXT, the context that has the server already, or a name made of the server's. */
function nameOf(
  { context, url }: GlobalOptions,
  shell: Shell,
  { all, current }: ReturnType<typeof readContexts>,
): string {
  const { SIGNET_CONTEXT = "" } = shell.io.environment;
  if (context !== undefined || SIGNET_CONTEXT !== "") return checkContextName(context ?? SIGNET_CONTEXT);
  if (url === undefined && current !== null) return current;
  const wanted = serverUrl({ ...defined({ url }) });
  const known = [...all].find(([, { url: kept }]) => isSameServer(kept, wanted));
  if (known !== undefined) return known[0];
  const { host } = new URL(wanted);
  const made = host
    .replace(/[^A-Za-z0-9.-]+/g, "-")
    .replace(/^[.-]+|[.-]+$/g, "")
    .slice(0, 63);
  return checkContextName(isThisMachine(wanted) && !all.has("local") ? "local" : made);
}

/** What is to be kept: the options, and where they say nothing what the context of that name has for the same server. */
function contextOf(options: GlobalOptions, before: Context | undefined): Context {
  const url = serverUrl(defined({ url: options.url ?? before?.url }));
  const isSame = before !== undefined && isSameServer(before.url, url);
  const { ca, clientCert, clientKey } = options;
  const files = defined({ ca: absolute(ca), clientCert: absolute(clientCert), clientKey: absolute(clientKey) });
  const { org, project, env } = options;
  const { token: _, ...rest } = isSame ? before : { token: undefined };
  return { ...rest, ...files, ...defined({ org, project, env }), url };
}

function absolute(path: string | undefined): string | undefined {
  return path === undefined || path === "" ? undefined : resolve(path);
}

async function tokenFor(shell: Shell, url: string): Promise<FoundToken> {
  if (hasToken(shell.io.environment)) return findToken(shell, url);
  const { isInTerminal } = shell.io;
  const text = isInTerminal
    ? await askSecret(shell, `Token for ${url} (not shown): `)
    : await readTextFile("-", shell.io);
  const source = isInTerminal ? "the token" : "standard input";
  if (text.trim() === "") throw new InputError("no token given: type it, pipe it in, or set SIGNET_TOKEN");
  return { token: checkToken(text, source), adminTokenFile: undefined, source };
}

/** Throws SignetError `not_found` for a name of the context that the server does not know. */
async function checkNames(session: Session, { org, project, env }: Context): Promise<void> {
  if (org !== undefined) await session.orgId();
  if (project !== undefined) await session.projectId();
  if (env === undefined) return;
  await session.inEnvironment((environment) => session.client.organizations.getEnvironment(environment), env);
}

function answer(shell: Shell, name: string, { url, org, project, env }: Context, me: WhoAmIResponse): void {
  shell.answer(
    () => `{"context":${JSON.stringify(name)},"url":${JSON.stringify(url)},"token":${formatMessage(me)}}`,
    () =>
      line`logged in: context ${name} is the current one\n` +
      formatFacts([
        ["server", url],
        ["token", `${me.keyPrefix} (${me.keyType})`],
        ["organization", org ?? me.orgId],
        ["project", project ?? me.projectId],
        ["environment", env ?? me.environment],
      ]),
  );
}
