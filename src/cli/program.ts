import { Command, Help, type Option } from "commander";
import { VERSION } from "../assets/version.js";
import { addActivate } from "./bundles/activate.js";
import { addApply } from "./server/apply.js";
import { addArtifact } from "./pipelines/artifact.js";
import { addAudit } from "./audit/audit.js";
import { addBundles } from "./bundles/bundles.js";
import { addDeployments } from "./bundles/deployments.js";
import { addDiff } from "./bundles/diff.js";
import { addEnvs } from "./tenancy/envs.js";
import { addHealth } from "./server/health.js";
import { addKeys } from "./tenancy/keys.js";
import { addLicenses } from "./server/licenses.js";
import { addOrgs } from "./tenancy/orgs.js";
import { addPipeline } from "./pipelines/pipeline.js";
import { addProjects } from "./tenancy/projects.js";
import { addPromote } from "./bundles/promote.js";
import { addPrune } from "./bundles/prune.js";
import { addPublish } from "./bundles/publish.js";
import { addRollback } from "./bundles/rollback.js";
import { addRuntimes } from "./runtimes/runtimes.js";
import { addServe } from "./server/serve.js";
import { TOKEN_HELP } from "./shell/credentials.js";
import { EXIT_CODE_HELP } from "./shell/exit-codes.js";
import { wholeNumber } from "./shell/numbers.js";
import type { Shell } from "./shell/shell.js";
import { isUsed, refuseUnusedOptions, scopeOf } from "./shell/used-options.js";
import { addToken } from "./tokens/token.js";
import { addVerify } from "./bundles/verify.js";
import { addWatch } from "./runtimes/watch.js";
import { addWebhook } from "./webhooks/webhook.js";
import { addWhoami } from "./tokens/whoami.js";

const OUTPUT_HELP = `Output:
  A table for people, or with --json the JSON that REST answers, one line for each answer. Errors are on standard error, with
  --json as one JSON object: {"error", "message", "fields", "request_id", "exit_code"}.
`;

/** The order in which help lists the commands. */
const COMMANDS = [
  addServe,
  addPublish,
  addPromote,
  addActivate,
  addRollback,
  addPipeline,
  addArtifact,
  addBundles,
  addDiff,
  addDeployments,
  addPrune,
  addWatch,
  addVerify,
  addKeys,
  addToken,
  addWhoami,
  addAudit,
  addWebhook,
  addOrgs,
  addProjects,
  addEnvs,
  addRuntimes,
  addApply,
  addHealth,
  addLicenses,
];

/** The whole command line. What it parses it runs; it never ends the process. */
export function buildProgram(shell: Shell): Command {
  const program = new Command("signet")
    .description("Publishes, promotes and pushes signed policy bundles; and runs the server that does it.")
    .version(VERSION)
    .option("--url <url>", "the server (SIGNET_URL; http://127.0.0.1:8080)")
    .option("--org <org>", "organization: UUID, slug or name (the token's)")
    .option("--project <project>", "project: UUID, slug or name (the token's, the only one, or the one called default)")
    .option("--env <name>", "environment, for example dev")
    .option("--json", "answer in JSON")
    .option("--ca <file>", "who may sign the server's certificate (SIGNET_CA; the public roots)")
    .option("--client-cert <file>", "certificate that the server asks for (SIGNET_CLIENT_CERT)")
    .option("--client-key <file>", "its key (SIGNET_CLIENT_KEY)")
    .option("--timeout <seconds>", "for how long a request may take", wholeNumber(1, 86_400), 30)
    .configureHelp({ showGlobalOptions: true, visibleGlobalOptions: usedGlobalOptions })
    .configureOutput({
      writeOut: (text) => shell.io.out(text),
      // Help for a wrong command line. The error itself is told by runCli, in the form that the caller asked for.
      writeErr: (text) => (shell.json ? undefined : shell.io.err(text)),
      outputError: () => undefined,
    })
    .addHelpText("after", `\n${TOKEN_HELP}\n${OUTPUT_HELP}\n${EXIT_CODE_HELP}`)
    .exitOverride()
    .hook("preAction", (_program, command) => refuseUnusedOptions(command));
  for (const add of COMMANDS) add(program, shell);
  return program;
}

/** Of the options of every command, those that this one uses; all for a command that only holds others. */
function usedGlobalOptions(this: Help, command: Command): Option[] {
  const all = new Help().visibleGlobalOptions.call(this, command);
  if (command.commands.length > 0) return all;
  const scope = scopeOf(command);
  return all.filter((option) => isUsed(scope, option.attributeName()));
}
