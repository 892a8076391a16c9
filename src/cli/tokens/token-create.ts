import type { Command } from "commander";
import { line } from "../../core/printable.js";
import { formatMessage, type Token } from "../../sdk/index.js";
import { readConfig } from "../server/serve.js";
import { UsageError } from "../shell/cli-error.js";
import { hasToken } from "../shell/credentials.js";
import { wholeNumber } from "../shell/numbers.js";
import { refuseUnusedOptions, type OptionScope } from "../shell/used-options.js";
import { Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { formatFacts, formatTime } from "../shell/table.js";

interface Options extends GlobalOptions {
  readonly admin?: true;
  readonly ci?: true;
  readonly runtime?: true;
  readonly name?: string;
  readonly expiresInDays?: number;
  readonly environments?: readonly string[];
  readonly sha256?: string;
  readonly data?: string;
}

const HELP = `
The token itself is written to standard output, once; it cannot be shown again. What else there is to say of it is on standard error.

  --admin    all rights in the organization
  --ci       publish, activate and promote in one project (--project), with --environments in those only
  --runtime  follow one environment (--env); a second one for the same environment needs a --name

A lost admin token: stop the server, unset SIGNET_TOKEN and SIGNET_TOKEN_FILE, and run
  signet token create --admin --data DIR
It opens the data directory itself and is refused while a server runs there.`;

/** `signet token create`. */
export function addTokenCreate(token: Command, shell: Shell): void {
  token
    .command("create")
    .description("make a token")
    .option("--admin", "for a person who administers the organization")
    .option("--ci", "for a CI job")
    .option("--runtime", "for the runtimes of an environment")
    .option("--name <name>", "at most 100 characters")
    .option("--expires-in-days <days>", "1 to 3,650; never by default", wholeNumber(1, 3650))
    .option("--environments <names...>", "with --ci: the environments that it may change")
    .option("--sha256 <hash>", "of the key, when you made it: signet token generate")
    .option("--data <dir>", "with --admin and without a token: the data directory of a stopped server")
    .addHelpText("after", HELP)
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      checkKind(options);
      const isOffline = options.data !== undefined;
      refuseUnusedOptions(command, isOffline ? "nothing" : scopeOfKind(options));
      if (isOffline && hasToken(shell.io.environment)) {
        throw new UsageError("--data is for making a token without one: unset SIGNET_TOKEN and SIGNET_TOKEN_FILE");
      }
      if (isOffline) return await createOffline(shell, options);
      using session = Session.open(shell, command);
      answerRawKey(shell, await create(session, options));
    });
}

/** Writes the secret to standard output, alone, so that a script can take it; the rest is for a person. */
export function answerRawKey(shell: Shell, token: Token): void {
  shell.answer(
    () => formatMessage(token),
    () => (token.rawKey === undefined ? "" : line`${token.rawKey}\n`),
  );
  if (shell.json) return;
  const facts = formatFacts([
    ["id", token.id],
    ["type", token.keyType],
    ["name", token.name],
    ["expires", formatTime(token.expiresAt) ?? "never"],
  ]);
  shell.noticeLines(facts.trimEnd());
}

async function create(session: Session, options: Options): Promise<Token> {
  const { tokens, organizations } = session.client;
  const limits = {
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.expiresInDays === undefined ? {} : { expiresInDays: options.expiresInDays }),
    ...(options.sha256 === undefined ? {} : { sha256: options.sha256 }),
  };
  if (options.admin) return await tokens.createAdminToken({ orgId: await session.orgId(), ...limits });
  if (options.ci) {
    const environments = [...(options.environments ?? [])];
    return await tokens.createCiToken({ ...(await session.project()), ...limits, environments });
  }
  return await session.inEnvironment(async ({ orgId, projectId, envName }) => {
    const { id: environmentId } = await organizations.getEnvironment({ orgId, projectId, envName });
    return await tokens.createRuntimeToken({ orgId, projectId, environmentId, ...limits });
  });
}

async function createOffline(shell: Shell, options: Options): Promise<void> {
  const { admin, data, name, expiresInDays, sha256 } = options;
  if (!admin) throw new UsageError("only an admin token can be made offline");
  if (sha256 !== undefined)
    throw new UsageError("--sha256 needs a server: a token that is made offline gets a new key");
  if (expiresInDays !== undefined)
    throw new UsageError("a token that is made offline does not expire; rotate it later");
  const config = readConfig(shell, data === undefined ? {} : { data });
  const { createOfflineAdminToken } = await import("../../server/offline.js");
  const { rawKey, keyPrefix, orgId, file } = await createOfflineAdminToken(config, name ?? null);
  shell.answer(
    () => JSON.stringify({ raw_key: rawKey, key_prefix: keyPrefix, key_type: "admin", org_id: orgId, file }),
    () => `${rawKey}\n`,
  );
  if (!shell.json) shell.notice(`made an admin token offline; it is in ${file} too`);
}

function checkKind({ admin, ci, runtime, environments }: Options): void {
  const kinds = [admin, ci, runtime].filter((kind) => kind === true);
  if (kinds.length !== 1) throw new UsageError("say which: --admin, --ci or --runtime");
  if (environments !== undefined && ci !== true) throw new UsageError("--environments goes with --ci only");
}

/** An admin token is the organization's, a ci token a project's. */
function scopeOfKind({ admin, ci }: Options): OptionScope {
  if (admin === true) return "organization";
  return ci === true ? "project" : "environment";
}
