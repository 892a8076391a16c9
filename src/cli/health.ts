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
      shell.called = { url, adminTokenFile: undefined };
      const tls = readClientTls(shell.io.environment, options);
      const { status, reason } = await askReady(url, tls, options.timeout * 1000, shell.io.signal);
      if (status !== 200) {
        throw new SignetError("unavailable", [`${url} is not ready: it answers ${status}`, ...reason].join(": "));
      }
      shell.answer(
        () => JSON.stringify({ url, ready: true }),
        () => "ready\n",
      );
    });
}

/** Enough for one line. */
const MAX_REASON_LENGTH = 200;

interface Readiness {
  readonly status: number;
  /** What a server says of a connection that it does not want, such as one without TLS; none or one. */
  readonly reason: readonly string[];
}

/** What /readyz answers. Throws SignetError `unavailable` when there is no answer in time. */
async function askReady(
  url: string,
  tls: NodeTransportTls,
  timeoutMs: number,
  interrupted: AbortSignal,
): Promise<Readiness> {
  const target = new URL("/readyz", url);
  const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), interrupted]);
  // Not fetch, which takes no certificates. Neither follows a redirect: another server's answer would say nothing of this one.
  const asked = target.protocol === "https:" ? https.get(target, { ...tls, signal }) : http.get(target, { signal });
  try {
    const [answer] = (await once(asked, "response")) as [http.IncomingMessage];
    const isRefusal = answer.statusCode === 400 && answer.headers["content-type"] === "text/plain";
    return { status: answer.statusCode ?? 0, reason: isRefusal ? [await readStart(answer)] : [] };
  } catch (cause) {
    throw new SignetError("unavailable", `${url} does not answer: ${reasonOf(cause)}`, { cause });
  } finally {
    asked.destroy();
  }
}

async function readStart(answer: http.IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of answer.setEncoding("latin1")) {
    text += chunk;
    if (text.length > MAX_REASON_LENGTH) break;
  }
  return text.slice(0, MAX_REASON_LENGTH).trim();
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === "AbortError" || cause.name === "TimeoutError") return "nothing in time";
  // A name with several addresses fails with one error for each, and none of its own.
  if (cause instanceof AggregateError) return cause.errors.map(reasonOf).join("; ");
  return cause.message;
}
