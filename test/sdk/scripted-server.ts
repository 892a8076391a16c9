import { type Code, ConnectError, createRouterTransport, type HandlerContext } from "@connectrpc/connect";
import { ErrorDetailSchema } from "../../gen/signet/v1/options_pb.js";
import { RuntimeService, type WatchBundleRequest, type WatchBundleResponse } from "../../gen/signet/v1/runtime_pb.js";
import { createSignetClient } from "../../src/sdk/client.js";
import { watchBundle } from "../../src/sdk/watch.js";
import type { WatchOptions } from "../../src/sdk/watch-options.js";
import type { WatchEvent } from "../../src/sdk/watch-event.js";
import { trustedKey } from "./signed-push.js";

/** What the server does with one connection. */
export type Session = (request: WatchBundleRequest, context: HandlerContext) => AsyncIterable<WatchBundleResponse>;

/** A server in this process whose n-th connection follows the n-th session; the last one serves all that follow. */
export function scriptedServer(...sessions: Session[]) {
  const requests: WatchBundleRequest[] = [];
  const tokens: (string | null)[] = [];
  const ended: number[] = [];
  const transport = createRouterTransport(({ service }) => {
    service(RuntimeService, {
      watchBundle: async function* (request, context) {
        const index = requests.push(request) - 1;
        tokens.push(context.requestHeader.get("Authorization"));
        context.signal.addEventListener("abort", () => ended.push(index));
        const session = sessions[Math.min(index, sessions.length - 1)];
        if (session !== undefined) yield* session(request, context);
      },
    });
  });
  return { client: createSignetClient({ transport, token: "the-token" }), requests, tokens, ended };
}

/** An error as a Signet server tells it, with its details; a proxy's has none. */
export function serverError(code: Code, reason: string, headers: Readonly<Record<string, string>> = {}): ConnectError {
  const value = { reason, fields: [], requestId: "r1" };
  return new ConnectError("the reason", code, headers, [{ desc: ErrorDetailSchema, value }]);
}

/** Sends the messages and then stays open without a word until the client leaves. */
export function stayOpen(...messages: (WatchBundleResponse | Promise<WatchBundleResponse>)[]): Session {
  return async function* (_request, context) {
    for (const message of messages) yield await message;
    await left(context.signal);
  };
}

/** Sends the messages and ends the stream. */
export function endAfter(...messages: (WatchBundleResponse | Promise<WatchBundleResponse>)[]): Session {
  return async function* () {
    for (const message of messages) yield await message;
  };
}

/** Sends the messages and fails. */
export function failAfter(error: Error, ...messages: (WatchBundleResponse | Promise<WatchBundleResponse>)[]): Session {
  return async function* () {
    for (const message of messages) yield await message;
    throw error;
  };
}

function left(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve());
  });
}

/** A watch that trusts the test's key, expects nothing and reconnects at once. */
export function watch(server: ReturnType<typeof scriptedServer>, options: Partial<WatchOptions> = {}) {
  return watchBundle(server.client, {
    keys: [trustedKey],
    expect: {},
    instanceId: "test",
    signal: new AbortController().signal,
    backoff: { baseMs: 1, maxMs: 1, random: () => 0 },
    ...options,
  });
}

/** The events up to and with the first for which `isLast` holds; ends the watch. */
export async function collect(events: AsyncIterable<WatchEvent>, isLast: (event: WatchEvent) => boolean) {
  const collected: WatchEvent[] = [];
  for await (const event of events) {
    collected.push(event);
    if (isLast(event)) return collected;
  }
  throw new Error(`the watch ended early, after: ${collected.map(brief).join(", ")}`);
}

/** An event in a few words, for comparing. */
export function brief(event: WatchEvent): string {
  switch (event.type) {
    case "activation":
      return `${event.from === "cache" ? "cached " : ""}${event.activation.sequence}${event.historyLost ? " history lost" : ""}`;
    case "rejected":
      return `rejected ${event.sequence} ${event.reason}`;
    case "nothing_active":
      return `nothing active${event.historyLost ? " history lost" : ""}`;
    case "connected":
      return `connected ${event.sequence}`;
    case "reconnecting":
      return `reconnecting ${event.error.code}`;
    case "heartbeat":
    case "cache_failed":
      return event.type;
  }
}

export function isActivation(sequence: number) {
  return (event: WatchEvent) => event.type === "activation" && event.activation.sequence === sequence;
}
