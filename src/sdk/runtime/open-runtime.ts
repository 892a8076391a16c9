import { check, isObject } from "../../bundle/verify-arguments.js";
import { createFetchPlatform } from "./browser-platform.js";
import type { RuntimeOptions } from "./runtime-options.js";
import type { Runtime } from "./runtime.js";
import { startRuntime } from "./start-runtime.js";

/** The options of a runtime that needs nothing but `fetch`. */
export interface FetchRuntimeOptions extends RuntimeOptions {
  /** Default: the global one. */
  readonly fetch?: typeof globalThis.fetch;
}

/**
 * Opens a runtime wherever there is `fetch`, as in a browser: it follows by Connect, server-sent events or polls. In Node take the one of
 * `signet/node`, which has gRPC, files and certificates.
 *
 * Resolves when the cache was read; `ready` waits for the server. Rejects with a TypeError for invalid options, and with a TrustError for
 * a root that is damaged or of another project.
 */
export async function openRuntime(options: FetchRuntimeOptions): Promise<Runtime> {
  check(isObject(options), "options", "an object");
  const { url, fetch } = options;
  check(fetch === undefined || typeof fetch === "function", "fetch", "a function");
  return await startRuntime(options, createFetchPlatform(url, fetch), ["connect", "sse", "poll"]);
}
