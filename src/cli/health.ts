import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { Command } from "commander";
import { SignetError } from "../sdk/index.js";
import type { NodeTransportTls } from "../sdk/node-transport.js";
import { readClientTls } from "./shell/client-tls.js";
import { serverUrl } from "./shell/session.js";
import type { GlobalOptions, Shell } from "./shell/shell.js";

const HELP = `
Asks GET /readyz, without a token. Exit code 0 when the server can serve requests, 7 otherwise: for the health check of a container,
which has no other program that could ask.
`;

/** `signet health`: whether a server can serve requests. */
export function addHealth(program: Command, shell: Shell): void {
  program
    .command("health")
    .description("check that the server can serve requests")
    .addHelpText("after", HELP)
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const url = serverUrl(shell, options);
      const tls = readClientTls(shell.io.environment, options);
      const status = await askReady(url, tls, options.timeout * 1000, shell.io.signal);
      if (status !== 200) throw new SignetError("unavailable", `${url} is not ready: it answers ${status}`);
      shell.answer(
        () => JSON.stringify({ url, ready: true }),
        () => "ready\n",
      );
    });
}

/** The status of /readyz. Throws SignetError `unavailable` when there is no answer in time. */
async function askReady(
  url: string,
  tls: NodeTransportTls,
  timeoutMs: number,
  interrupted: AbortSignal,
): Promise<number> {
  const target = new URL("/readyz", url);
  const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), interrupted]);
  // Not fetch, which takes no certificates. Neither follows a redirect: another server's answer would say nothing of this one.
  const asked = target.protocol === "https:" ? https.get(target, { ...tls, signal }) : http.get(target, { signal });
  try {
    const [answer] = (await once(asked, "response")) as [http.IncomingMessage];
    answer.resume();
    return answer.statusCode ?? 0;
  } catch (cause) {
    throw new SignetError("unavailable", `${url} does not answer`, { cause });
  } finally {
    asked.destroy();
  }
}
