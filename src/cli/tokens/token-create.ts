import type { Command } from "commander";
import { defined } from "../../core/defined.js";
import { line } from "../../core/printable.js";
import { formatMessage, type Token } from "../../sdk/index.js";
import { readConfig } from "../server/serve.js";
import { UsageError } from "../shell/cli-error.js";
import { hasToken } from "../shell/credentials.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { refuseUnusedOptions, type OptionScope } from "../shell/used-options.js";
import { Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { formatFacts, formatTime } from "../shell/table.js";

interface Options extends GlobalOptions {
  readonly admin?: true;
  readonly ci?: true;
  readonly runtime?: true;
  readonly viewer?: true;
  readonly metrics?: true;
  readonly audit?: true;
  readonly name?: string;
  readonly expiresInDays?: number;
  readonly environments?: readonly string[];
  readonly sha256?: string;
  readonly data?: string;
}

const HELP = `
The secret is written to standard output and cannot be shown again. Facts about the token are written to standard error.

  --admin    every right in the organization
  --ci       publish, activate and promote in one project (--project), with --environments in these only
  --runtime  follow one environment (--env); further tokens for the same environment need a --name
  --viewer   read the organization, or with --project that project alone, and change nothing; with --audit the audit log too
  --metrics  scrape GET /metrics and nothing else; operator only

If the admin token is lost: stop the server, unset SIGNET_TOKEN and SIGNET_TOKEN_FILE, and run
  signet token create --admin --data DIR
It opens the data directory itself, and fails while a server is running there.
`;

/** `signet token create`: by a server, or with `--data` in the data directory of a stopped one. */
export function addTokenCreate(token: Command, shell: Shell): void {
  token
    .command("create")
    .description("create a token; prints the secret once, alone on stdout")
    .option("--admin", "for an administrator of the organization")
    .option("--ci", "for a CI job")
    .option("--runtime", "for the runtimes of an environment")
    .option("--viewer", "for people and programs that only look")
    .option("--metrics", "for a scraper of GET /metrics")
    .option("--audit", "with --viewer: reads the audit log too, which is the whole organization's")
    .option("--name <name>", "name, at most 100 characters")
    .option("--expires-in-days <days>", "lifetime, 1 to 3650 days (default: unlimited)", wholeNumber(1, 3650))
    .option("--environments <names...>", "with --ci: the environments that it may change (default: all)")
    .option("--sha256 <hash>", "SHA-256 of a key of your own, see signet token generate")
    .option("--data <dir>", "with --admin, without a token: data directory of a stopped server")
    .addHelpText("after", HELP + examples("signet token create --runtime --env prod --name eu-1 > runtime-token"))
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      checkKind(options);
      const isOffline = options.data !== undefined;
      refuseUnusedOptions(command, isOffline ? "nothing" : scopeOfKind(options));
      if (isOffline && hasToken(shell.io.environment)) {
        throw new UsageError("--data creates a token without a token: unset SIGNET_TOKEN and SIGNET_TOKEN_FILE");
      }
      if (isOffline) return await createOffline(shell, options);
      using session = Session.open(shell, command);
      answerRawKey(shell, await create(session, options));
    });
}

/** Writes the secret alone to standard output, so that a script can take it; facts for a person go to standard error. */
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
    ["scopes", token.scopes.join(" ")],
    ["expires", formatTime(token.expiresAt) ?? "never"],
  ]);
  shell.noticeLines(facts.trimEnd());
}

async function create(session: Session, options: Options): Promise<Token> {
  const { tokens, organizations } = session.client;
  const { name, expiresInDays, sha256 } = options;
  const limits = defined({ name, expiresInDays, sha256 });
  if (options.admin) return await tokens.createAdminToken({ orgId: await session.orgId(), ...limits });
  if (options.metrics) return await tokens.createMetricsToken({ orgId: await session.orgId(), ...limits });
  if (options.viewer) {
    const { project, audit = false } = options;
    const only = project === undefined ? {} : { projectId: await session.projectId(project) };
    return await tokens.createViewerToken({ orgId: await session.orgId(), ...only, ...limits, audit });
  }
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
  if (!admin) throw new UsageError("only an admin token can be created offline");
  if (sha256 !== undefined)
    throw new UsageError("--sha256 needs a server: a token that is created offline gets a new key");
  if (expiresInDays !== undefined)
    throw new UsageError("--expires-in-days needs a server: a token that is created offline does not expire");
  const config = readConfig(shell, defined({ data }));
  const { createOfflineAdminToken } = await import("../../server/offline.js");
  const { rawKey, keyPrefix, orgId, file } = await createOfflineAdminToken(config, name ?? null);
  shell.answer(
    () => JSON.stringify({ raw_key: rawKey, key_prefix: keyPrefix, key_type: "admin", org_id: orgId, file }),
    () => `${rawKey}\n`,
  );
  if (!shell.json) shell.notice(`created an admin token offline; it is also in ${file}`);
}

function checkKind({ admin, ci, runtime, viewer, metrics, audit, environments }: Options): void {
  const kinds = [admin, ci, runtime, viewer, metrics].filter((kind) => kind === true);
  if (kinds.length !== 1) {
    throw new UsageError("pass one token type: --admin, --ci, --runtime, --viewer or --metrics");
  }
  if (audit !== undefined && viewer !== true) throw new UsageError("--audit is for --viewer only");
  if (environments !== undefined && ci !== true) throw new UsageError("--environments is for --ci only");
}

/** Admin and metrics tokens belong to the organization, ci tokens to a project, viewers to either, runtime tokens to an environment. */
function scopeOfKind({ admin, ci, viewer, metrics }: Options): OptionScope {
  if (admin === true || metrics === true) return "organization";
  return ci === true || viewer === true ? "project" : "environment";
}
