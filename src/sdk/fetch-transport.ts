import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { check, isObject } from "../bundle/verify-arguments.js";
import { checkServer } from "./option-checks.js";

/** The server of a transport over fetch. */
export interface FetchTransportOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly url: string;
  /** The limit for a call, in milliseconds; a watch has none. */
  readonly timeoutMs: number;
  /** Default: the global one. */
  readonly fetch?: typeof globalThis.fetch;
}

/**
 * Connect over `fetch`, for browsers, workers and all that has no sockets: calls and watches. It holds nothing open between calls. A path
 * in the URL is prefixed to that of every call. A browser's page of another origin needs SIGNET_CORS_ORIGINS on the server. Throws a
 * TypeError for invalid options.
 */
export function createFetchTransport(options: FetchTransportOptions): Transport {
  check(isObject(options), "options", "an object");
  const { url, timeoutMs, fetch } = options;
  checkServer(url, timeoutMs);
  check(fetch === undefined || typeof fetch === "function", "fetch", "a function");
  const call: typeof globalThis.fetch = async (...args) => {
    try {
      // As a method of nothing: the one of browsers refuses another `this`.
      return await (fetch ?? globalThis.fetch)(...args);
    } catch (thrown) {
      throw lost(thrown, "the server cannot be reached");
    }
  };
  const connect = createConnectTransport({
    baseUrl: url,
    useBinaryFormat: true,
    defaultTimeoutMs: timeoutMs,
    fetch: call,
  });
  return {
    unary: (...args) => connect.unary(...args),
    async stream(...args) {
      const response = await connect.stream(...args);
      return { ...response, message: untilLost(response.message) };
    },
  };
}

async function* untilLost<T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (thrown) {
    throw lost(thrown, "the connection to the server was lost");
  }
}

/** Fetch says a TypeError for every failure of the network, before the response and while its body is read; all else is an answer. */
function lost(thrown: unknown, message: string): unknown {
  const cause = thrown instanceof ConnectError ? thrown.cause : thrown;
  return cause instanceof TypeError ? new ConnectError(message, Code.Unavailable, undefined, undefined, cause) : thrown;
}
