import { createClient, type Client, type Transport } from "@connectrpc/connect";
import type { DescService } from "@bufbuild/protobuf";
import { withToken, type TokenSource } from "./authorized-transport.js";

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
