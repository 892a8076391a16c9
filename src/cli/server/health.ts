import type { Command } from "commander";
import { line } from "../../core/printable.js";
import { Deadline } from "../../core/schedule/deadline.js";
import { sleep } from "../../core/schedule/wait.js";
import { readClientTls } from "../shell/client-tls.js";
import { examples } from "../shell/help.js";
import { assertReady, type ProbeTls } from "../shell/probe.js";
import { readConfig } from "./serve.js";
import { serverUrl } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";

const HELP = `
Requests GET /readyz without a token; without --url and SIGNET_URL from the server that SIGNET_HOST, SIGNET_PORT and SIGNET_TLS_CERT
describe. Exit code 0 if the server can serve requests, else 7: for the health check of a container that has no other client. With
--wait it repeats the request until the server is ready, at most for --timeout.
`;

/** Between two requests of --wait. */
const ASK_AGAIN_MS = 200;

/** `signet health`: whether a server can serve requests. */
export function addHealth(program: Command, shell: Shell): void {
  program
    .command("health")
    .description("check that a server can serve requests")
    .option("--wait", "wait until the server is ready, at most for --timeout")
    .addHelpText("after", HELP + examples("signet health", "signet health --wait --timeout 60"))
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { readonly wait?: true }>();
      const own = ownUrl(shell, options);
      const url = own ?? serverUrl(options);
      shell.called = { url, adminTokenFile: undefined };
      // The certificate is for the public name, not for this address. Nothing secret is sent.
      const tls = { ...readClientTls(options), rejectUnauthorized: own === undefined };
      using deadline = new Deadline(options.timeout * 1000, shell.io.signal);
      const { signal } = deadline;
      await (options.wait === true ? waitUntilReady(url, tls, signal) : assertReady(url, tls, signal));
      shell.answer(
        () => JSON.stringify({ url, ready: true }),
        // After a wait a person may have forgotten for which one; the word alone is what scripts compare.
        () => (options.wait === true ? line`ready: ${url}\n` : "ready\n"),
      );
    });
}

/** The URL by the settings of a server, unless a URL is given: a container runs the check with the environment of its server. */
function ownUrl(shell: Shell, options: GlobalOptions): string | undefined {
  if (options.url !== undefined) return undefined;
  const { host, port, tlsCert } = readConfig(shell, {});
  const name = ANY_ADDRESS[host] ?? (host.includes(":") ? `[${host}]` : host);
  return `${tlsCert === null ? "http" : "https"}://${name}:${port}`;
}

/** Listening on all interfaces: connect to the loopback address. */
const ANY_ADDRESS: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "[::1]" };

/** Resolves when the server is ready. When the signal aborts it rejects with the error of the last complete answer. */
async function waitUntilReady(url: string, tls: ProbeTls, signal: AbortSignal): Promise<void> {
  let last: unknown;
  for (;;) {
    try {
      return await assertReady(url, tls, signal);
    } catch (thrown) {
      if (signal.aborted) throw last ?? thrown;
      last = thrown;
    }
    await sleep(ASK_AGAIN_MS, signal);
  }
}
