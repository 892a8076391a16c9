import { nobleVerifier } from "../../bundle/ed25519-noble.js";
import { portableSha256 } from "../../bundle/trust/verify-state.js";
import { createFetchTransport } from "../fetch-transport.js";
import type { HttpSend } from "./ways/http.js";
import type { PathMemory } from "./ways/ladder.js";
import type { Platform } from "./platform.js";

/** By URL. */
const servers = new Map<string, Map<string, PathMemory>>();

/** For calls that are no watch. */
const CALL_TIMEOUT_MS = 10_000;

/** What every place with `fetch` has: Connect, server-sent events and polls. */
export function createFetchPlatform(url: string, fetch: typeof globalThis.fetch | undefined): Platform {
  return {
    verifier: nobleVerifier,
    sha256Hex: portableSha256,
    connect() {
      const paths = servers.get(url) ?? new Map<string, PathMemory>();
      servers.set(url, paths);
      const transport = createFetchTransport({ url, timeoutMs: CALL_TIMEOUT_MS, ...(fetch && { fetch }) });
      return {
        rpc: [{ name: "connect", transport }],
        send: sendBy(fetch),
        paths,
        [Symbol.dispose]: () => undefined,
      };
    },
  };
}

function sendBy(fetch: typeof globalThis.fetch | undefined): HttpSend {
  return async ({ method, url, headers, body, signal }) => {
    // Each time: a program may replace the global one.
    const call = fetch ?? globalThis.fetch;
    const init = { method, headers: { ...headers }, signal, redirect: "manual", cache: "no-store" } as const;
    const answer = await call(url, body === undefined ? init : { ...init, body });
    return { status: answer.status, header: (name) => answer.headers.get(name), body: chunksOf(answer.body) };
  };
}

/** Not every browser iterates over a stream by itself. */
async function* chunksOf(body: Response["body"]): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = (await reader.read()) as { done: boolean; value?: Uint8Array };
      if (done || value === undefined) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
