import { request, type ClientRequest, type IncomingMessage } from "node:http";
import { connect, type Socket, type TcpNetConnectOpts } from "node:net";
import { systemClock, type Clock } from "../core/clock.js";
import { AppError } from "../core/error.js";
import { Deadline } from "../core/schedule/deadline.js";
import { classifyAddress } from "./address-range.js";
import type { AllowList } from "./allow-list.js";
import { CheckedAgent, type CheckedRequest } from "./checked-agent.js";
import { codeOf, failureText } from "./failure-text.js";
import { ADDRESS_REFUSED, type Resolver } from "./check-target.js";
import { parseRetryAfter, readPrefix } from "./response.js";
import { parseWebhookUrl } from "./webhook-url.js";

/** Bounds of a sender, and where it may connect. */
export interface SenderOptions {
  readonly allowList: AllowList;
  readonly resolver: Resolver;
  /** For all of it: name, connection, request, answer and body. */
  readonly timeoutMs: number;
  /** How much of an answer's body is read and kept. */
  readonly maxKeptBytes: number;
  readonly userAgent: string;
  readonly clock?: Clock;
  /** PEM; whom to trust instead of those whom the platform trusts. */
  readonly trustedCertificates?: string;
  /** Opens a socket; Node's by default. */
  readonly connect?: (options: TcpNetConnectOpts) => Socket;
}

/** One attempt to post an event. */
export interface SendRequest {
  readonly url: string;
  /** What an entry of the allow list may call the organization: its id, its slug. */
  readonly orgs: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
  readonly signal: AbortSignal;
}

/** How one try went. `latencyMs` is the time until the answer's headers, or until it failed. */
export type SendResult =
  | {
      readonly kind: "answered";
      /** As the target says; 3xx is not followed. */
      readonly status: number;
      readonly latencyMs: number;
      /** The start of the answer's body, read as UTF-8; null when the address is not public. */
      readonly body: string | null;
      readonly retryAfterSeconds: number | null;
    }
  | {
      readonly kind: "failed";
      /** A code, a colon and words; neither an address nor a part of the URL. */
      readonly error: string;
      readonly latencyMs: number;
      /** Whether it failed because this server may not connect there. */
      readonly addressRefused: boolean;
    };

/** Posts to webhooks, where that is allowed. */
export interface Sender {
  /** One try. Rejects only with the signal's reason when that aborts, and at once. */
  send(request: SendRequest): Promise<SendResult>;
  /** Closes the connections that are kept open. */
  close(): void;
}

const MAX_HEADER_BYTES = 16 * 1024;

/**
 * A sender that checks every address at every connection (see {@link openSocket}), knows no proxy, follows no redirect, unpacks
 * nothing, and reads no more than it keeps.
 */
export function createSender(options: SenderOptions): Sender {
  const { allowList, resolver, timeoutMs, maxKeptBytes, trustedCertificates } = options;
  const clock = options.clock ?? systemClock;
  const agent = new CheckedAgent({ allowList, resolver, trustedCertificates, connect: options.connect ?? connect });

  async function exchange(sent: SendRequest, signal: AbortSignal, startedAt: number): Promise<SendResult> {
    const { response, address } = await post(agent, requestTo(sent, options.userAgent, signal), sent.body);
    const latencyMs = performance.now() - startedAt;
    const body = await readPrefix(response, maxKeptBytes);
    return {
      kind: "answered",
      status: response.statusCode ?? 0,
      latencyMs,
      body: address !== undefined && classifyAddress(address) === "public" ? body : null,
      retryAfterSeconds: parseRetryAfter(response.headers["retry-after"], clock.now()),
    };
  }

  return {
    close: () => agent.destroy(),
    send: async (sent) => {
      const startedAt = performance.now();
      sent.signal.throwIfAborted();
      using deadline = new Deadline(timeoutMs, sent.signal);
      try {
        const result = await exchange(sent, deadline.signal, startedAt);
        sent.signal.throwIfAborted();
        return result;
      } catch (error) {
        sent.signal.throwIfAborted();
        return {
          kind: "failed",
          error: deadline.signal.aborted ? `timeout: no answer within ${timeoutMs} ms` : failureText(error),
          latencyMs: performance.now() - startedAt,
          addressRefused: error instanceof AppError && error.reason === ADDRESS_REFUSED,
        };
      }
    },
  };
}

function requestTo({ url, orgs, headers, body }: SendRequest, userAgent: string, signal: AbortSignal): CheckedRequest {
  const { host, port, isSecure, authority, path } = parseWebhookUrl(url);
  return {
    method: "POST",
    host,
    port,
    path,
    headers: {
      "content-type": "application/json",
      ...headers,
      host: authority,
      "user-agent": userAgent,
      "content-length": Buffer.byteLength(body),
    },
    maxHeaderSize: MAX_HEADER_BYTES,
    insecureHTTPParser: false,
    destination: { host, isSecure, orgs },
    signal,
    connectSignal: signal,
  };
}

interface Answer {
  readonly response: IncomingMessage;
  /** Where it came from. */
  readonly address: string | undefined;
}

/** Resolves when the headers of the answer are there. */
async function post(agent: CheckedAgent, options: CheckedRequest, body: string): Promise<Answer> {
  for (;;) {
    const outgoing = request({ ...options, agent });
    try {
      return await answerTo(outgoing, agent, body);
    } catch (error) {
      // A kept connection that the target has just closed says nothing about the target: the next one may be new.
      if (!outgoing.reusedSocket || !["ECONNRESET", "EPIPE"].includes(codeOf(error) ?? "")) throw error;
    }
  }
}

function answerTo(outgoing: ClientRequest, agent: CheckedAgent, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let address: string | undefined;
    outgoing.on("socket", (socket) => (address = agent.addressOf(socket)));
    outgoing.on("response", (response) => resolve({ response, address }));
    outgoing.on("error", reject);
    // A request can also end without an error: by a protocol switch that was not asked for.
    outgoing.on("close", () => reject(Object.assign(new Error("closed"), { code: "ECONNRESET" })));
    outgoing.end(body);
  });
}
