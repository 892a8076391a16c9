import { openRuntime, type NodeRuntimeOptions } from "../../src/sdk/node.js";
import type { Runtime } from "../../src/sdk/index.js";
import { startLocalServer, type LocalServer, type LocalServerOptions } from "../../src/agent/serve/local-server.js";
import type { PackSource, PackSourceOptions } from "../../src/agent/source/environment-pack.js";
import { OWNER, type Site } from "../attacks/trust/site.js";
import { rootEnvelope } from "../support/trust.js";
import { openSource, scratchDirectory } from "./sources.js";

const SOON = { baseMs: 20, maxMs: 40, random: Math.random };

/** An agent of the site's dev that serves on a free port. */
export interface TestAgent extends AsyncDisposable {
  readonly source: PackSource;
  readonly server: LocalServer;
  readonly url: string;
  /** A request of a local reader. */
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

/** Starts one; what it keeps on the disk goes with it, unless a directory is given. */
export async function startAgent(
  site: Site,
  options: {
    readonly source?: Partial<PackSourceOptions>;
    readonly server?: Partial<LocalServerOptions>;
    readonly directory?: string;
  } = {},
): Promise<TestAgent> {
  const scratch = await scratchDirectory();
  const source = await openSource(site, options.directory ?? scratch.path, { keeps: ["document"], ...options.source });
  const listen = { host: "127.0.0.1", port: 0 };
  const server = await startLocalServer({ listen, environments: [{ label: "dev", source }], ...options.server });
  return {
    ...{ source, server, url: server.url },
    get: async (path, headers = {}) => await fetch(`${server.url}${path}`, { headers }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await source[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
    },
  };
}

/** A runtime of the site's dev behind an agent, as a program has it: without the server's token. */
export async function openReader(site: Site, url: string, changes: Partial<NodeRuntimeOptions> = {}): Promise<Runtime> {
  return await openRuntime({
    ...{ url, token: "not-looked-at", instanceId: "reader", trust: { root: await rootEnvelope(site.root, OWNER) } },
    identity: { orgId: site.signet.orgId, projectId: site.projectId, environment: "dev" },
    ...{ firstMessageMs: 1_000, backoff: SOON, refusalBackoff: SOON },
    ...changes,
  });
}
