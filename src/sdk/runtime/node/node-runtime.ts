import { check, isObject } from "../../../bundle/verify-arguments.js";
import type { NodeTransportTls } from "../../node-transport-options.js";
import { openFileCache } from "./node-cache.js";
import { createNodePlatform } from "./node-platform.js";
import type { RuntimeCache } from "../runtime-cache.js";
import type { RuntimeOptions } from "../runtime-options.js";
import type { Runtime } from "../runtime.js";
import { startRuntime } from "../start-runtime.js";

/** The options of a runtime in Node. */
export interface NodeRuntimeOptions extends Omit<RuntimeOptions, "cache"> {
  /** For `https:`. Default: the public CAs of Node, and no client certificate. */
  readonly tls?: NodeTransportTls;
  /** A directory, which may be shared with other environments and processes (see openFileCache), or a cache of the program's own. */
  readonly cache?: string | RuntimeCache;
}

/**
 * Opens a runtime in Node: it follows by gRPC, Connect, server-sent events or polls, whichever the path lets through first, and shares
 * its connections with the other runtimes of the process.
 *
 * Resolves when the cache was read; `ready` waits for the server. Rejects with a TypeError for invalid options, and with a TrustError for
 * a root that is damaged or of another project.
 */
export async function openRuntime(options: NodeRuntimeOptions): Promise<Runtime> {
  check(isObject(options), "options", "an object");
  const { cache, tls, ...rest } = options;
  const store = typeof cache === "string" ? openFileCache(cache) : cache;
  const all = store === undefined ? rest : { ...rest, cache: store };
  return await startRuntime(all, createNodePlatform(options.url, tls), ["grpc", "connect", "sse", "poll"]);
}
