import type { Command } from "commander";
import { VERSION } from "../../assets/version.js";
import { Deadline } from "../../core/schedule/deadline.js";
import { readClientTls } from "../shell/client-tls.js";
import { examples } from "../shell/help.js";
import { serverVersion } from "../shell/probe.js";
import { serverUrl } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { formatFacts } from "../shell/table.js";

/** How long the server is waited for: its version is a courtesy. */
const MAX_WAIT_MS = 3_000;

/** `signet version`: the versions of this program and of the server, when one answers. */
export function addVersion(program: Command, shell: Shell): void {
  program
    .command("version")
    .description("show the version of this program, and the server's when one answers")
    .addHelpText("after", examples("signet version", "signet version --json"))
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const url = serverUrl(options);
      using deadline = new Deadline(Math.min(options.timeout * 1000, MAX_WAIT_MS), shell.io.signal);
      const server = await serverVersion(url, readClientTls(options), deadline.signal).catch(() => null);
      shell.answer(
        () => JSON.stringify({ client: VERSION, server, url, node: process.versions.node }),
        () =>
          formatFacts([
            ["client", VERSION],
            ["server", server === null ? `no Signet server answers at ${url}` : `${server} at ${url}`],
          ]),
      );
    });
}
