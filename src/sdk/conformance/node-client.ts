import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { TrustError, type TrustCode } from "../../bundle/trust/trust-error.js";
import { conditionOf, type TrustCondition, type TrustIdentity } from "../../bundle/trust/trust-state.js";
import { verifyPinnedRoot } from "../../bundle/trust/verify-objects.js";
import { utf8Text } from "../runtime/utf8-text.js";
import { Keeper } from "../runtime/keeper.js";
import { openFileCache } from "../runtime/node/node-cache.js";
import { createNodePlatform } from "../runtime/node/node-platform.js";
import { MAX_CONTENT_BYTES } from "../../bundle/trust/forms.js";
import { nodeVerifier, sha256Hex } from "../runtime/node/node-verifier.js";
import { askLatest } from "../runtime/ways/latest.js";
import { Rest } from "../runtime/ways/http.js";
import { SignetError } from "../signet-error.js";

/** What a runtime has after a command. */
export interface ClientEnd {
  readonly state: TrustCondition;
  /** Of what runs; 0: nothing does. */
  readonly sequence: number;
  /** Why the update was refused; `unavailable` when the server did not answer; null when it was accepted. */
  readonly error: TrustCode | "unavailable" | null;
}

/** What `init` keeps for each `update`. */
interface Pinned {
  /** The envelope of the root. */
  readonly root: string;
  readonly identity: TrustIdentity;
}

const PINNED = "pinned.json";

const USAGE = `usage: signet-runtime-conformance --state DIRECTORY init ROOT ORG PROJECT ENVIRONMENT
       signet-runtime-conformance --state DIRECTORY --url URL update`;

/**
 * A runtime for the conformance kit (test/vectors/README.md): `init` pins a root, `update` is one start from the cache, one poll, and the
 * end, with the parts that openRuntime has.
 *
 * @param environment `SIGNET_NOW`: its clock, default the machine's; `SIGNET_TOKEN`: for servers that ask for one
 * @throws TypeError with the usage
 */
export async function runClient(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ClientEnd> {
  const options = { state: { type: "string" }, url: { type: "string" } } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const { state, url } = values;
  const [command, ...rest] = positionals;
  if (state !== undefined && command === "init" && rest.length === 4) {
    const [root = "", orgId = "", projectId = "", name = ""] = rest;
    return await initialize(state, root, { orgId, projectId, environment: name });
  }
  if (state !== undefined && url !== undefined && command === "update" && rest.length === 0) {
    const { SIGNET_NOW: now, SIGNET_TOKEN: token = "none" } = environment;
    const clock = now === undefined ? new Date() : new Date(now);
    // Nothing would ever be late by it.
    if (Number.isNaN(clock.getTime())) throw new TypeError(`SIGNET_NOW must be a time, not ${now}`);
    return await update(state, url, token, clock);
  }
  throw new TypeError(USAGE);
}

async function initialize(directory: string, rootFile: string, identity: TrustIdentity): Promise<ClientEnd> {
  const bytes = await readFile(rootFile);
  let root: string;
  try {
    root = utf8Text(bytes, "the root");
    await verifyPinnedRoot(root, identity, nodeVerifier);
  } catch (thrown) {
    if (!(thrown instanceof TrustError)) throw thrown;
    return { state: "empty", sequence: 0, error: thrown.code };
  }
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, PINNED), JSON.stringify({ root, identity } satisfies Pinned));
  return { state: "empty", sequence: 0, error: null };
}

async function update(directory: string, url: string, token: string, now: Date): Promise<ClientEnd> {
  const { root, identity } = JSON.parse(await readFile(join(directory, PINNED), "utf8")) as Pinned;
  const keeper = await Keeper.open(await verifyPinnedRoot(root, identity, nodeVerifier), {
    ...{ identity, verifier: nodeVerifier, sha256Hex, maxBytes: MAX_CONTENT_BYTES, now: () => now },
    cache: openFileCache(join(directory, "cache")),
  });
  const error = await poll(keeper, url, token);
  const { condition } = conditionOf(keeper.state, now.getTime());
  return { state: condition, sequence: keeper.state.running?.sequence ?? 0, error };
}

async function poll(keeper: Keeper, url: string, token: string): Promise<ClientEnd["error"]> {
  using connection = createNodePlatform(url, undefined).connect();
  const rest = new Rest(connection.send, url, token);
  const damage = keeper.cacheError instanceof TrustError ? keeper.cacheError.code : null;
  try {
    const query = { instanceId: "conformance", waitSeconds: 0 };
    const news = await askLatest(rest, keeper.position, query, new AbortController().signal);
    const refusal = news.type === "proof" ? await keeper.take(news) : null;
    return refusal?.code ?? null;
  } catch (thrown) {
    if (thrown instanceof TrustError) return thrown.code;
    if (thrown instanceof SignetError) return damage ?? "unavailable";
    throw thrown;
  }
}
