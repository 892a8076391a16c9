import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { openPackSource } from "../src/agent/source/pack-source.js";
import { TrustError } from "../src/bundle/trust/trust-error.js";
import type { TrustIdentity } from "../src/bundle/trust/trust-state.js";
import { verifyPinnedRoot } from "../src/bundle/trust/verify-objects.js";
import type { UpdateAttempt } from "../src/sdk/index.js";
import { nodeVerifier } from "../src/sdk/runtime/node/node-verifier.js";

/** What an agent has after a command, as the kit asks for it (test/vectors/README.md). */
export interface AgentEnd {
  readonly state: "fresh" | "expired" | "revoked" | "empty";
  readonly sequence: number;
  readonly error: string | null;
}

interface Pinned {
  readonly root: string;
  readonly identity: TrustIdentity;
}

const USAGE = `usage: agent-client --state DIRECTORY init ROOT ORG PROJECT ENVIRONMENT
       agent-client --state DIRECTORY --url URL update`;

/**
 * `signet agent` as a client of the conformance kit: `update` starts the source of an environment from its directory, waits for its first
 * attempt to be up to date, and ends it.
 *
 * @param now the agent's clock
 */
export async function runAgentClient(args: readonly string[], now: string | undefined): Promise<AgentEnd> {
  const options = { state: { type: "string" }, url: { type: "string" } } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const { state, url } = values;
  const [command, ...rest] = positionals;
  if (state !== undefined && command === "init" && rest.length === 4) {
    const [root = "", orgId = "", projectId = "", environment = ""] = rest;
    return await initialize(state, root, { orgId, projectId, environment });
  }
  if (state !== undefined && url !== undefined && command === "update") return await update(state, url, now);
  throw new TypeError(USAGE);
}

async function initialize(directory: string, rootFile: string, identity: TrustIdentity): Promise<AgentEnd> {
  const root = await readFile(rootFile, "utf8");
  try {
    await verifyPinnedRoot(root, identity, nodeVerifier);
  } catch (thrown) {
    if (!(thrown instanceof TrustError)) throw thrown;
    return { state: "empty", sequence: 0, error: thrown.code };
  }
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "pinned.json"), JSON.stringify({ root, identity } satisfies Pinned));
  return { state: "empty", sequence: 0, error: null };
}

async function update(directory: string, url: string, now: string | undefined): Promise<AgentEnd> {
  const { root, identity } = JSON.parse(await readFile(join(directory, "pinned.json"), "utf8")) as Pinned;
  const clock = now === undefined ? new Date() : new Date(now);
  await using source = await openPackSource({
    ...{ url, identity, trust: { root }, token: "none", instanceId: "conformance", transports: ["poll"] },
    ...{ directory: join(directory, "agent"), reports: "caller", now: () => clock },
    ...{ onExpired: "serve", onRevoked: "serve" },
  });
  const damage = source.status.cacheError;
  const { error } = await new Promise<UpdateAttempt>((resolve) => source.on("attempt", resolve));
  const { state, sequence } = source.status;
  const isRunning = state !== "empty";
  return {
    // The kit knows no stale: it is fresh still.
    state: state === "stale" ? "fresh" : state,
    sequence: isRunning ? (sequence ?? 0) : 0,
    error: error === null ? null : codeOf(error, damage),
  };
}

function codeOf(error: Error, damage: unknown): string {
  if (error instanceof TrustError) return error.code;
  return damage instanceof TrustError ? damage.code : "unavailable";
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    const end = await runAgentClient(process.argv.slice(2), process.env["SIGNET_NOW"]);
    console.log(JSON.stringify(end));
    process.exitCode = end.error === null ? 0 : 1;
  } catch (thrown) {
    console.error(thrown instanceof Error ? thrown.message : thrown);
    process.exitCode = 2;
  }
}
