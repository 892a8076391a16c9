import { Command, Help, type Option } from "commander";
import { VERSION } from "../assets/version.js";
import { addAgent } from "./agent/agent.js";
import { addActivate } from "./bundles/activate.js";
import { addApply } from "./server/apply.js";
import { addArtifact } from "./pipelines/artifact.js";
import { addAudit } from "./audit/audit.js";
import { addBackup } from "./backups/backup.js";
import { addBackups } from "./backups/backups.js";
import { addRestore } from "./backups/restore.js";
import { addVerifyBackup } from "./backups/verify-backup.js";
import { addBundles } from "./bundles/bundles.js";
import { addCompleteNames } from "./completion/complete-names.js";
import { addCompletion } from "./completion/completion.js";
import { addContext } from "./context/context.js";
import { addLogin } from "./context/login.js";
import { addLogout } from "./context/logout.js";
import { addDeployments } from "./bundles/deployments.js";
import { addDiff } from "./bundles/diff.js";
import { addDoctor } from "./server/doctor.js";
import { addEnvs } from "./tenancy/envs.js";
import { addHistory } from "./bundles/history.js";
import { addHealth } from "./server/health.js";
import { addKeys } from "./tenancy/keys.js";
import { addMigrate } from "./server/migrate.js";
import { addLicenses } from "./server/licenses.js";
import { addOrgs } from "./tenancy/orgs.js";
import { addPipeline } from "./pipelines/pipeline.js";
import { addProjects } from "./tenancy/projects.js";
import { addPromote } from "./bundles/promote.js";
import { addPrune } from "./bundles/prune.js";
import { addPublish } from "./bundles/publish.js";
import { addQuickstart } from "./quickstart/quickstart.js";
import { addRelease } from "./releases/releases.js";
import { addRollback } from "./bundles/rollback.js";
import { addRollout } from "./runtimes/rollout.js";
import { addRuntimes } from "./runtimes/runtimes.js";
import { addSchema } from "./bundles/schema.js";
import { addServe } from "./server/serve.js";
import { TOKEN_HELP } from "./shell/credentials.js";
import { EXIT_CODE_HELP } from "./shell/exit-codes.js";
import { examples, OUTPUT_HELP } from "./shell/help.js";
import { UsageError } from "./shell/cli-error.js";
import { duration } from "./shell/numbers.js";
import { applySources } from "./shell/option-sources.js";
import type { Shell } from "./shell/shell.js";
import { isUsed, refuseUnusedOptions, scopeOf } from "./shell/used-options.js";
import { addNodes } from "./status/nodes.js";
import { addOpen } from "./status/open.js";
import { addStatus } from "./status/status.js";
import { addVersion } from "./status/version.js";
import { addToken } from "./tokens/token.js";
import { addTrust } from "./trust/trust.js";
import { addExport } from "./transfer/export.js";
import { addImport } from "./transfer/import.js";
import { addTrustOrigin } from "./transfer/trust-origin.js";
import { addVerify } from "./bundles/verify.js";
import { addEvents } from "./runtimes/events.js";
import { addWatch } from "./runtimes/watch.js";
import { addWebhook } from "./webhooks/webhook.js";
import { addWhoami } from "./tokens/whoami.js";

/** The commands with their headings in the help, in its order. A command that is in no group does not exist. */
const COMMANDS: readonly (readonly [heading: string, add: (program: Command, shell: Shell) => void])[] = [
  ["Server:", addQuickstart],
  ["Server:", addServe],
  ["Server:", addStatus],
  ["Server:", addNodes],
  ["Server:", addHealth],
  ["Server:", addOpen],
  ["Server:", addDoctor],
  ["Server:", addMigrate],
  ["Backups:", addBackup],
  ["Backups:", addBackups],
  ["Backups:", addVerifyBackup],
  ["Backups:", addRestore],
  ["Connection:", addLogin],
  ["Connection:", addLogout],
  ["Connection:", addContext],
  ["Connection:", addWhoami],
  ["Bundles:", addPublish],
  ["Bundles:", addPromote],
  ["Bundles:", addActivate],
  ["Bundles:", addRollback],
  ["Bundles:", addBundles],
  ["Bundles:", addDiff],
  ["Bundles:", addHistory],
  ["Bundles:", addDeployments],
  ["Bundles:", addPrune],
  ["Bundles:", addSchema],
  ["Bundles:", addArtifact],
  ["Transfer:", addExport],
  ["Transfer:", addImport],
  ["Transfer:", addTrustOrigin],
  ["Trust:", addTrust],
  ["Trust:", addRelease],
  ["Pipelines:", addPipeline],
  ["Runtimes:", addAgent],
  ["Runtimes:", addWatch],
  ["Runtimes:", addEvents],
  ["Runtimes:", addVerify],
  ["Runtimes:", addRuntimes],
  ["Runtimes:", addRollout],
  ["Organization:", addOrgs],
  ["Organization:", addProjects],
  ["Organization:", addEnvs],
  ["Organization:", addToken],
  ["Organization:", addKeys],
  ["Organization:", addWebhook],
  ["Organization:", addAudit],
  ["Organization:", addApply],
  ["Program:", addVersion],
  ["Program:", addCompletion],
  ["Program:", addLicenses],
];

const EXAMPLES = examples(
  "signet serve",
  "signet login --url https://signet.example.com --env dev",
  "signet publish -f policy.yaml",
  "signet status",
);

/** Commands with a --version of their own. */
const OWN_VERSION: readonly string[] = ["deployments", "export", "history"];

/** The command line with all commands. Parsing runs the command; it never ends the process. */
export function buildProgram(shell: Shell): Command {
  const program = new Command("signet")
    .description("Publish, promote and push signed policy bundles, or run the server that does.")
    .option("--url <url>", "server (SIGNET_URL; default: the context's, http://127.0.0.1:8080)")
    .option("--org <org>", "organization: UUID, slug or name (SIGNET_ORG; default: the context's, the token's)")
    .option(
      "--project <project>",
      "project: UUID, slug or name (SIGNET_PROJECT; default: the context's, the token's, the only one, or default)",
    )
    .option("--env <name>", "environment, for example dev (SIGNET_ENV; default: the context's)")
    .option("--json", "write JSON")
    .option("--ca <file>", "CA of the server's certificate (SIGNET_CA; default: the public CAs)")
    .option("--client-cert <file>", "client certificate (SIGNET_CLIENT_CERT)")
    .option("--client-key <file>", "key of the client certificate (SIGNET_CLIENT_KEY)")
    .option("--context <name>", "server kept by signet login (SIGNET_CONTEXT; default: the current one)")
    .option("--verbose", "say on standard error where each option and the token came from")
    .option("--timeout <time>", "limit for each request, in seconds, or for example 5m", duration(1, 86_400), 30)
    .configureHelp({ showGlobalOptions: true, visibleGlobalOptions: usedGlobalOptions })
    .configureOutput({
      getOutHelpWidth: () => shell.width ?? 80,
      writeOut: (text) => shell.io.out(text),
      // Help after a usage error. runCli writes the error itself, as text or JSON.
      writeErr: (text) => (shell.json ? undefined : shell.io.err(text)),
      outputError: () => undefined,
    })
    .addHelpText("after", `\n${TOKEN_HELP}\n${OUTPUT_HELP}\n${EXIT_CODE_HELP}${EXAMPLES}`)
    .exitOverride()
    .hook("preAction", (_program, command) => {
      refuseUnusedOptions(command);
      applySources(shell, program, command);
    });
  // Commander would take the option away from the command.
  if (!shell.io.argv.some((word) => OWN_VERSION.includes(word))) program.version(VERSION);
  for (const [heading, add] of COMMANDS) {
    program.commandsGroup(heading);
    add(program, shell);
  }
  addCompleteNames(program, shell);
  return addHelp(program);
}

/** `signet help [command...]`. Commander's own takes one word, and shows the whole help for an unknown one. */
function addHelp(program: Command): Command {
  program
    .commandsGroup("Program:")
    .helpCommand(false)
    .command("help")
    .description("show the help of a command")
    .argument("[command...]")
    .option("--all", "of serve: every setting")
    .addHelpText("after", examples("signet help token create", "signet help serve --all"))
    .action((words: readonly string[], { all }: { readonly all?: true }) => {
      let command = program;
      for (const word of words) {
        const next = command.commands.find((it) => it.name() === word);
        if (next === undefined) throw new UsageError(`unknown command '${words.join(" ")}': signet help lists them`);
        command = next;
      }
      if (all === true) {
        const isKnown = command.options.some(({ long }) => long === "--all");
        if (!isKnown) throw new UsageError(`--all has no effect on the help of "${words.join(" ")}": remove it`);
        command.parseOptions(["--all"]);
      }
      command.outputHelp();
    });
  return program;
}

/** The program options that a command uses, for its help; all for a group of commands. */
function usedGlobalOptions(this: Help, command: Command): Option[] {
  const all = new Help().visibleGlobalOptions.call(this, command);
  if (command.commands.length > 0) return all;
  const scope = scopeOf(command);
  return all.filter((option) => isUsed(scope, option.attributeName()));
}
