import { createTransport } from "@connectrpc/connect/protocol-connect";
import type { UniversalClientFn } from "@connectrpc/connect/protocol";
import { nobleVerifier } from "../../bundle/ed25519-noble.js";
import { portableSha256 } from "../../bundle/trust/verify-state.js";
import type { HttpAnswer, HttpSend } from "./ways/http.js";
import type { PathMemory } from "./ways/ladder.js";
import type { Platform } from "./platform.js";

/** Larger than any message of a watch. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** By URL. */
const memories = new Map<string, PathMemory>();

/** What every place with `fetch` has: Connect, server-sent events and polls. */
export function createFetchPlatform(url: string, fetchBy: typeof fetch): Platform {
  const memory = memories.get(url) ?? { works: null };
  memories.set(url, memory);
  const transport = createTransport({
    ...{ httpClient: clientOf(fetchBy), baseUrl: url.replace(/\/+$/, ""), useBinaryFormat: true, interceptors: [] },
    ...{ acceptCompression: [], sendCompression: null, compressMinBytes: 1024 },
    ...{ readMaxBytes: MAX_MESSAGE_BYTES, writeMaxBytes: MAX_MESSAGE_BYTES, defaultTimeoutMs: 10_000 },
  });
  return {
    verifier: nobleVerifier,
    sha256Hex: portableSha256,
    connect: () => ({
      rpc: [{ name: "connect", transport }],
      send: sendBy(fetchBy),
      memory,
      [Symbol.dispose]: () => undefined,
    }),
  };
}

function sendBy(fetchBy: typeof fetch): HttpSend {
  return async ({ method, url, headers, body, signal }) => {
    const init = { method, headers: { ...headers }, signal, redirect: "manual", cache: "no-store" } as const;
    const answer = await fetchBy(url, body === undefined ? init : { ...init, body });
    return answerOf(answer);
  };
}

/** A request of Connect is one small message: browsers send no stream. */
function clientOf(fetchBy: typeof fetch): UniversalClientFn {
  return async ({ url, method, header, body, signal }) => {
    const init = { method, headers: header, redirect: "manual", cache: "no-store", ...(signal && { signal }) } as const;
    const answer = await fetchBy(url, body === undefined ? init : { ...init, body: await joined(body) });
    return { status: answer.status, header: answer.headers, body: chunksOf(answer.body), trailer: new Headers() };
  };
}

function answerOf(answer: Response): HttpAnswer {
  return { status: answer.status, header: (name) => answer.headers.get(name), body: chunksOf(answer.body) };
}

async function joined(body: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
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
