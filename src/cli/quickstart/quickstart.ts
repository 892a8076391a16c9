import type { Command } from "commander";
import { relative } from "node:path";
import { aborted } from "../../core/schedule/wait.js";
import type { Config } from "../../config/config.js";
import { AppError } from "../../core/error.js";
import { createSignetClient } from "../../sdk/index.js";
import { openNodeTransport } from "../../sdk/node-transport.js";
import type { RunningServer } from "../../server/server.js";
import { readConfig } from "../server/serve.js";
import { UsageError } from "../shell/cli-error.js";
import { EXIT_CODES } from "../shell/exit-codes.js";
import { examples } from "../shell/help.js";
import type { Shell } from "../shell/shell.js";
import { demonstrate } from "./demonstration.js";
import { nextSteps } from "./next-steps.js";
import { adminTokenOf } from "./own-token.js";

const HELP = `
Starts a server on the data directory and a runtime in a second process, which watches prod over gRPC; publishes a policy, promotes it
to prod, and rolls prod back. The runtime verifies each push. Both then stay up until Ctrl-C. It takes the settings of signet
serve from the environment, and a free port where the configured one is taken.
`;

/** `signet quickstart`: the main use of Signet, shown on a server of its own that stays up. */
export function addQuickstart(program: Command, shell: Shell): void {
  program
    .command("quickstart")
    .description("start a server and show a bundle on its way to a runtime; the server stays up")
    .option("--data <dir>", "data directory (SIGNET_DATA; ./data)")
    .option("--port <port>", "port to listen on (SIGNET_PORT; 8080)")
    .addHelpText("after", HELP + examples("signet quickstart", "signet quickstart --data /tmp/try-signet --port 0"))
    .action(async (flags: { readonly data?: string; readonly port?: string }) => {
      const { signal, environment } = shell.io;
      const config = quieter(shell, readConfig(shell, flags));
      if (config.databaseUrl !== null) {
        throw new UsageError(
          "SIGNET_DATABASE_URL is set, and the quickstart publishes and rolls back on what it finds: unset it, which takes SQLite",
        );
      }
      const say = (text: string) => shell.io.out(`${text}\n`);
      say("1. Server: one process, one SQLite file");
      await using server = await startOnFreePort(config, say);
      say(`   ${server.url}, data in ${relative(process.cwd(), server.dataDirectory) || "."}`);
      using connection = openNodeTransport({ url: server.url, timeoutMs: 30_000 });
      const { transport } = connection;
      try {
        const client = createSignetClient({ transport, token: adminTokenOf(config, server) });
        await using _runtime = await demonstrate(client, server.url, {
          say,
          signal,
          nodeOptions: environment["NODE_OPTIONS"],
        });
        say(nextSteps(server, config));
        await aborted(signal);
      } catch (thrown) {
        // Ctrl-C may come at any time.
        if (!signal.aborted) throw thrown;
      }
      say("\nStopping: streams end, the database closes.");
      shell.exitCode = EXIT_CODES.ok;
    });
}

/** A log line for each request would hide what is shown. */
function quieter(shell: Shell, config: Config): Config {
  const isChosen = (shell.io.environment["SIGNET_LOG_LEVEL"] ?? "") !== "";
  return isChosen ? config : { ...config, logLevel: "warn" };
}

/** Starts on the configured port, or on any free port if that one is in use. */
async function startOnFreePort(config: Config, say: (text: string) => void): Promise<RunningServer> {
  // Only here: other commands need no database.
  const [{ startServer }, { PORT_TAKEN }] = await Promise.all([
    import("../../server/server.js"),
    import("../../server/listen-error.js"),
  ]);
  try {
    return await startServer(config);
  } catch (thrown) {
    if (!(thrown instanceof AppError) || thrown.reason !== PORT_TAKEN) throw thrown;
    say(`   port ${config.port} is in use; using a free one`);
    return await startServer({ ...config, port: 0 });
  }
}
