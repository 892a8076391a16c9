import { Option, type Command } from "commander";
import type { Agent, AgentOptions } from "../../agent/agent.js";
import type { AgentConfig } from "../../agent/config/agent-config.js";
import { VERSION } from "../../assets/version.js";
import { AppError } from "../../core/error.js";
import { aborted } from "../../core/schedule/wait.js";
import { UsageError } from "../shell/cli-error.js";
import { EXIT_CODES } from "../shell/exit-codes.js";
import { examples } from "../shell/help.js";
import { duration } from "../shell/numbers.js";
import type { Shell } from "../shell/shell.js";
import type { AgentFlags } from "./agent-flags.js";

interface Options extends AgentFlags {
  readonly config?: string;
  readonly check?: true;
  readonly once?: true;
  readonly waitTimeout: number;
}

const HELP = `
Every activation is verified as docs/trust.md says before anything is written. Files are replaced by a rename, never half written. When
--run fails, the previous files are put back, --run runs again, and the fleet view shows the instance as rejected. While the server is
away, the last verified activation stays. SIGHUP reads token and configuration again, repairs the files, and repeats a command that failed.

Kinds for --write:
  policies=<file>    the policies alone, as they were published
  content=<file>     policies and scope policies: the text that policy_hash is of
  document=<file>    the signed document, as GET /v1/bundles/latest answers
  files=<path>       the files of a bundle for OPA: a symbolic link to a directory

The runtime token comes from SIGNET_TOKEN or SIGNET_TOKEN_FILE, or in a configuration from the place that it names. It is read for each
call, so that a rotated one needs no restart. The configuration, and the variables of commands: docs/agent.md. Logs go to standard error
(SIGNET_LOG_LEVEL, SIGNET_LOG_FORMAT).
`;

/** `signet agent`: keeps the files of a program, and local readers, up to date with what is active. */
export function addAgent(program: Command, shell: Shell): void {
  program
    .command("agent")
    .description("keep files and local readers up to date with what is active, until SIGINT or SIGTERM")
    .option("--config <file>", "configuration (.yaml, .yml, .json) instead of the flags below")
    .option("--check", "check the configuration, ask each server once, write nothing, and exit")
    .option("--once", "write what is active now, and exit: for cron and init containers")
    .option(
      "--wait-timeout <time>",
      "how long --check and --once wait, in seconds, or for example 5m",
      duration(1, 86_400),
      30,
    )
    .option("--root <file>", "root document of the project, as signet trust init made it")
    .option(
      "--keys <file>",
      "keys of signet keys --pem --purpose attestation instead of --root; needs --org and --project as UUIDs",
    )
    .option("--write <kind=path>", "write this kind of file at each activation; may be repeated", collect)
    .option("--run <command>", "run this in a shell after files changed")
    .option("--check-with <command>", "run this in a shell on the new files before they are put in place")
    .option("--serve <address>", "serve local readers here, for example 127.0.0.1:7070")
    .option("--state <directory>", "directory for verified activations (default: STATE_DIRECTORY, or ./signet-agent)")
    .option("--instance <id>", "name in the fleet view (default: the name of the host)")
    .addOption(closing("--on-expired", "when the proof has run out (default: serve)"))
    .addOption(closing("--on-revoked", "when the active content was revoked (default: close)"))
    .addHelpText(
      "after",
      HELP +
        examples(
          'signet agent --env prod --root root.json --write policies=/etc/app/policies.json --run "systemctl reload app"',
          "signet agent --config /etc/signet/agent.yaml --check",
          "signet agent --config /etc/signet/agent.yaml",
          "signet agent --env prod --root root.json --write files=/policies/current --once",
        ),
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      if (options.check === true && options.once === true) throw new UsageError("pass --check or --once, not both");
      if (options.config !== undefined) refuseBesideConfig(program, command);
      // Only here: other commands need no agent.
      const [{ Agent }, { readAgentConfig }, { configOfFlags }, { openAgentLog }] = await Promise.all([
        import("../../agent/agent.js"),
        import("./agent-config-file.js"),
        import("./agent-flags.js"),
        import("./agent-log.js"),
      ]);
      const read = async () =>
        options.config === undefined ? configOfFlags(shell, options) : await readAgentConfig(options.config, shell.io);
      const config = await read();
      const ownLog = await openAgentLog(shell, options.check === true || options.once === true);
      const agentOptions: AgentOptions = {
        ...{ ownLog, environment: shell.io.environment, agent: `signet-agent/${VERSION}`, version: VERSION },
        log: (environment) => ownLog.child({ environment }),
      };
      if (options.check === true) {
        const { checkAgent } = await import("./agent-check.js");
        return await checkAgent(shell, config, agentOptions, options.waitTimeout);
      }
      await using agent = await Agent.start(options.once === true ? { ...config, serve: null } : config, agentOptions);
      if (options.once === true) {
        const { updateOnce } = await import("./agent-once.js");
        return await updateOnce(shell, agent, options.waitTimeout);
      }
      await run(shell, agent, read, agentOptions);
    });
}

async function run(
  shell: Shell,
  agent: Agent,
  read: () => Promise<AgentConfig>,
  { ownLog, environment }: AgentOptions,
): Promise<void> {
  // A terminal that closes ends the process, as usual.
  if (!shell.io.isInTerminal) {
    let reloading: Promise<void> = Promise.resolve();
    shell.io.onHangup(() => {
      reloading = reloading.then(async () => {
        try {
          await agent.reload(await read());
          ownLog.info({}, "token and configuration were read again");
        } catch (thrown) {
          const reason = thrown instanceof Error ? thrown.message : String(thrown);
          const fields = thrown instanceof AppError ? thrown.fields : [];
          ownLog.error({ reason, ...(fields.length > 0 && { fields }) }, "the previous configuration stays");
        }
      });
    });
  }
  void agent.ready().then(async () => {
    if (shell.io.signal.aborted) return;
    const serving = agent.urls.length === 0 ? "" : `, serving at ${agent.urls.join(", ")}`;
    const status = agent.environments.map(describe).join(", ") + serving;
    shell.io.out(`signet agent ready: ${status}\n`);
    const { tellReady } = await import("../../agent/service-manager.js");
    await tellReady(environment, status, ownLog);
  });
  await aborted(shell.io.signal);
  // Stopping on request is success.
  shell.exitCode = EXIT_CODES.ok;
}

function describe({ config, source, follower }: Agent["environments"][number]): string {
  const { sequence, version } = follower?.status.applied ?? source.current ?? {};
  return `${config.label} at sequence ${sequence ?? 0} (version ${version ?? 0})`;
}

function closing(flag: string, help: string): Option {
  return new Option(`${flag} <action>`, help).choices(["serve", "close"]);
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Refuses flags that a configuration would silently override. */
function refuseBesideConfig(program: Command, command: Command): void {
  const allowed = new Set(["config", "check", "once", "waitTimeout", "json"]);
  for (const [owner, options] of [
    [program, program.options],
    [command, command.options],
  ] as const) {
    for (const option of options) {
      const name = option.attributeName();
      if (allowed.has(name) || owner.getOptionValueSource(name) !== "cli") continue;
      throw new UsageError(`${option.long ?? name} cannot go with --config: write it into the file`);
    }
  }
}
