import type { DescService } from "@bufbuild/protobuf";
import { createClient, type Client, type Transport } from "@connectrpc/connect";
import { SignetError, toSignetError } from "./signet-error.js";

/** A token, or a function that returns the current one: called for every call, so that a rotated token needs no new client. */
export type TokenSource = string | (() => string);

/** A transport that sends the token, unless null, with every call, and whose calls and streams throw SignetErrors only. */
export function withToken(transport: Transport, token: TokenSource | null): Transport {
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      try {
        return await transport.unary(
          method,
          signal,
          timeoutMs,
          authorized(header as HeaderSource, token),
          input,
          contextValues,
        );
      } catch (thrown) {
        throw failureOf(thrown, signal);
      }
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      try {
        const headers = authorized(header as HeaderSource, token);
        const response = await transport.stream(method, signal, timeoutMs, headers, input, contextValues);
        return { ...response, message: withSignetErrors(response.message, signal) };
      } catch (thrown) {
        throw failureOf(thrown, signal);
      }
    },
  };
}

/**
 * A typed client of one service: for a browser that shall not load what it does not call. As createSignetClient its calls throw
 * SignetError only.
 *
 * @param token null where something else authenticates, for example a cookie
 */
export function createServiceClient<T extends DescService>(
  service: T,
  transport: Transport,
  token: TokenSource | null,
): Client<T> {
  return createClient(service, withToken(transport, token));
}

/** HeadersInit, a name that only the types of browsers have. */
type HeaderSource = ConstructorParameters<typeof Headers>[0];

function authorized(header: HeaderSource, token: TokenSource | null): Headers {
  const headers = new Headers(header);
  if (token === null) return headers;
  headers.set("Authorization", `Bearer ${typeof token === "string" ? token : token()}`);
  return headers;
}

async function* withSignetErrors<T>(messages: AsyncIterable<T>, signal: AbortSignal | undefined): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (thrown) {
    throw failureOf(thrown, signal);
  }
}

/** A connection to a killed server also ends as `cancelled`: that is the caller's cancellation only if its signal aborted. */
function failureOf(thrown: unknown, signal: AbortSignal | undefined): SignetError {
  const error = toSignetError(thrown);
  if (error.code !== "cancelled" || error.requestId !== undefined || signal?.aborted === true) return error;
  return new SignetError("unavailable", "the connection to the server was lost", { cause: thrown });
}
