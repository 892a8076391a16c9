import { aborted } from "../../core/schedule/wait.js";
import { CommanderError, Option, type Command } from "commander";
import { loadConfig, SETTING_GROUPS, SETTING_NAMES, SETTINGS, type Config } from "../../config/config.js";
import { checkServed } from "../../config/database-settings.js";
import { AppError } from "../../core/error.js";
import { flagOf, type Setting } from "../../config/setting.js";
import { UsageError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import { readDeclaration } from "../shell/declaration-file.js";
import { EXIT_CODES } from "../shell/exit-codes.js";
import { firstStartNotice } from "./first-start-notice.js";
import { fixedLimitVariables, unknownVariables } from "./unknown-variables.js";
import type { Shell } from "../shell/shell.js";

/** The settings that most servers set: `--help` shows these, `--help --all` every one. */
const COMMON: ReadonlySet<string> = new Set<keyof Config>([
  ...(["host", "port", "publicUrls", "trustedProxies", "data", "provision"] as const),
  ...(["tlsCert", "tlsKey", "logLevel", "metricsAddress"] as const),
]);

const HELP = `
Every setting can also come from the environment variable in parentheses, or from a file named by NAME_FILE. Secrets have no flag:
`;

/** `signet serve`: runs the server until SIGINT or SIGTERM. */
export function addServe(program: Command, shell: Shell): void {
  const serve = program
    .command("serve")
    .description("run the server until SIGINT or SIGTERM; a second signal ends it at once");
  const flags = SETTING_GROUPS.flatMap(([heading, settings]) =>
    Object.entries<Setting>(settings)
      .filter(([, setting]) => !setting.secret)
      .map(([name, setting]) => [name, flagFor(setting).helpGroup(`${heading}:`).hideHelp(!COMMON.has(name))] as const),
  );
  for (const [, flag] of flags) serve.addOption(flag);
  serve.helpOption("-h, --help", "display help with the common settings");
  serve.option("--all", "with --help: display every setting");
  serve.addOption(new Option("--help-all", "the same as --help --all").hideHelp());
  const showAll = () => flags.forEach(([, flag]) => flag.hideHelp(false));
  serve.on("option:all", showAll);
  serve.on("option:help-all", () => {
    showAll();
    serve.outputHelp();
    throw new CommanderError(0, "commander.helpDisplayed", "(outputHelp)");
  });
  serve.addHelpText("after", (HELP + secretHelp()).trimEnd());
  serve.addHelpText("after", examples("signet serve --data /var/lib/signet --port 8080"));
  serve.action(async (options: Readonly<Record<string, string | undefined>>) => {
    if (options["all"] !== undefined) throw new UsageError("--all is for the help: signet serve --help --all");
    const given = flags.flatMap(([name, flag]) => {
      const value = options[flag.attributeName()];
      return value === undefined ? [] : [[name, value]];
    });
    const config = readConfig(shell, Object.fromEntries(given) as Partial<Record<keyof Config, string>>, checkServed);
    // Only here: other commands need no database.
    const [{ startServer, DEFAULT_OPTIONS }, { createLogger }] = await Promise.all([
      import("../../server/server.js"),
      import("../../server/logger.js"),
    ]);
    const log = createLogger(config.logLevel, undefined, logStyle(shell, config));
    const declared = new Set<string>();
    const declaration =
      config.provision === null
        ? null
        : await readDeclaration(shell, config.provision, false, (name) => declared.add(name));
    const variables = unknownVariables(shell.io.environment, declared);
    if (variables.length > 0) log.warn({ variables }, "unknown environment variables: check their names");
    const fixed = fixedLimitVariables(shell.io.environment);
    if (fixed.length > 0)
      log.warn({ variables: fixed }, "these limits are fixed now (docs/limits.md): remove the variables");
    await using server = await startServer(config, log, { ...DEFAULT_OPTIONS, declaration });
    const notice = firstStartNotice(server, config, shell.io.isErrTerminal);
    if (notice !== "") shell.noticeLines(notice);
    // Without TLS there is no certificate to reload: SIGHUP ends the process when its terminal closes, as usual.
    if (config.tlsCert !== null || !shell.io.isInTerminal) shell.io.onHangup(() => void server.reloadCertificate());
    shell.io.out(`signet listening on ${server.url}\n`);
    const failure = await Promise.race([aborted(shell.io.signal), server.failed]);
    if (failure !== undefined) {
      log.fatal({ err: failure }, "cannot write to the database: shutting down");
      throw failure;
    }
    // Stopping on request is success.
    shell.exitCode = EXIT_CODES.ok;
  });
}

/** Text for a person who watches the terminal, JSON for everything that keeps or reads the log. */
function logStyle(shell: Shell, { logFormat }: Config): { format: "json" | "text"; color: boolean } {
  const { isErrTerminal } = shell.io;
  const format = logFormat === "auto" ? (isErrTerminal ? "text" : "json") : logFormat;
  return { format, color: isErrTerminal && shell.allowsColor };
}

/** Reads the configuration. Throws UsageError for a value that cannot be used, wherever it came from, and for what `check` refuses. */
export function readConfig(
  shell: Shell,
  flags: Partial<Record<keyof Config, string>>,
  check: (config: Config) => void = () => undefined,
): Config {
  try {
    const config = loadConfig(shell.io.environment, flags);
    check(config);
    return config;
  } catch (thrown) {
    if (thrown instanceof AppError) throw new UsageError(thrown.message, { cause: thrown });
    throw thrown;
  }
}

function flagFor(setting: Setting): Option {
  const fallback = setting.fallback === "" ? "" : `; ${setting.fallback}`;
  const help = `${setting.help} (${setting.env}${fallback})`;
  if (setting.preset !== undefined) return new Option(`--${flagOf(setting)} [value]`, help).preset(setting.preset);
  return new Option(`--${flagOf(setting)} <value>`, help);
}

function secretHelp(): string {
  return SETTING_NAMES.flatMap((name) => {
    const setting: Setting = SETTINGS[name];
    return setting.secret ? [`  ${setting.env.padEnd(26)} ${setting.help}\n`] : [];
  }).join("");
}
