import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { Command } from "commander";
import { SignetError } from "../../sdk/index.js";
import { NO_TLS_TEXT, speaksNoTls } from "../../sdk/http1-fallback.js";
import type { NodeTransportTls } from "../../sdk/node-transport.js";
import { readClientTls } from "../shell/client-tls.js";
import { examples } from "../shell/help.js";
import { readConfig } from "./serve.js";
import { serverUrl } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";

const HELP = `
Requests GET /readyz without a token; without --url and SIGNET_URL from the server that SIGNET_HOST, SIGNET_PORT and SIGNET_TLS_CERT
describe. Exit code 0 if the server can serve requests, else 7: for the health check of a container that has no other client.
`;

/** `signet health`: whether a server can serve requests. */
export function addHealth(program: Command, shell: Shell): void {
  program
    .command("health")
    .description("check that a server can serve requests")
    .addHelpText("after", HELP + examples("signet health"))
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const own = ownUrl(shell, options);
      const url = own ?? serverUrl(shell, options);
      shell.called = { url, adminTokenFile: undefined };
      // The certificate is for the public name, not for this address. Nothing secret is sent.
      const tls = { ...readClientTls(shell.io.environment, options), rejectUnauthorized: own === undefined };
      const { status, reason } = await askReady(url, tls, options.timeout * 1000, shell.io.signal);
      if (status !== 200) {
        throw new SignetError("unavailable", [`${url} is not ready: status ${status}`, ...reason].join(": "));
      }
      shell.answer(
        () => JSON.stringify({ url, ready: true }),
        () => "ready\n",
      );
    });
}

/** The URL by the settings of a server, unless a URL is given: a container runs the check with the environment of its server. */
function ownUrl(shell: Shell, options: GlobalOptions): string | undefined {
  const { SIGNET_URL = "" } = shell.io.environment;
  if (options.url !== undefined || SIGNET_URL !== "") return undefined;
  const { host, port, tlsCert } = readConfig(shell, {});
  const name = ANY_ADDRESS[host] ?? (host.includes(":") ? `[${host}]` : host);
  return `${tlsCert === null ? "http" : "https"}://${name}:${port}`;
}

/** Listening on all interfaces: connect to the loopback address. */
const ANY_ADDRESS: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "[::1]" };

/** Characters of a reason that are shown: one line. */
const MAX_REASON_LENGTH = 200;

interface Readiness {
  readonly status: number;
  /** The reason with which a server refuses a connection, such as one without TLS; at most one. */
  readonly reason: readonly string[];
}

/** Requests /readyz. Throws SignetError `unavailable` when there is no response in time. */
async function askReady(
  url: string,
  tls: NodeTransportTls & { readonly rejectUnauthorized: boolean },
  timeoutMs: number,
  interrupted: AbortSignal,
): Promise<Readiness> {
  const target = new URL(`${url.replace(/\/+$/, "")}/readyz`);
  const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), interrupted]);
  // Not fetch, which accepts no certificates. Redirects are not followed: another server's response would say nothing about this one.
  const asked = target.protocol === "https:" ? https.get(target, { ...tls, signal }) : http.get(target, { signal });
  try {
    const [answer] = (await once(asked, "response")) as [http.IncomingMessage];
    const isRefusal = answer.statusCode === 400 && answer.headers["content-type"] === "text/plain";
    return { status: answer.statusCode ?? 0, reason: isRefusal ? [await readPrefix(answer)] : [] };
  } catch (cause) {
    throw new SignetError("unavailable", `${url} does not answer: ${reasonOf(cause)}`, { cause });
  } finally {
    asked.destroy();
  }
}

async function readPrefix(answer: http.IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of answer.setEncoding("latin1")) {
    text += chunk;
    if (text.length > MAX_REASON_LENGTH) break;
  }
  return text.slice(0, MAX_REASON_LENGTH).trim();
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (speaksNoTls(cause)) return NO_TLS_TEXT;
  if (cause.name === "AbortError" || cause.name === "TimeoutError") return "no response in time";
  // A name with several addresses fails with an error for each, and an empty message.
  if (cause instanceof AggregateError) return cause.errors.map(reasonOf).join("; ");
  return cause.message;
}
