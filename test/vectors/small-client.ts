/**
 * The smallest client: the verifier of src/bundle/trust, fetch, and two files. `CLIENT --state DIR init ROOT ORG PROJECT ENV`,
 * `CLIENT --state DIR --url URL update`.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { TrustError } from "../../src/bundle/trust/trust-error.js";
import {
  conditionOf,
  parseTrustState,
  storedState,
  type TrustedState,
  type TrustIdentity,
} from "../../src/bundle/trust/trust-state.js";
import { verifyUpdate, type UpdateSource } from "../../src/bundle/trust/update.js";
import { verifyPinnedRoot } from "../../src/bundle/trust/verify-objects.js";
import { verifyState } from "../../src/bundle/trust/verify-state.js";
import { nodeVerifier } from "../../src/service/keys/ed25519-node.js";
import type { Expectation } from "./case.js";

const verifier = nodeVerifier;

/** Runs one command. The returned line is the last one of the output. */
export async function runSmallClient(args: readonly string[], now: string): Promise<Expectation> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { state: { type: "string", default: "." }, url: { type: "string", default: "" } },
  });
  const [command, ...rest] = positionals;
  if (command === "init") return await init(values.state, rest);
  if (command === "update") return await update(values.state, values.url, new Date(now));
  throw new TypeError("init or update");
}

async function init(state: string, [rootFile = "", orgId = "", projectId = "", environment = ""]: readonly string[]) {
  const root = readFileSync(rootFile, "utf8");
  try {
    await verifyPinnedRoot(root, { orgId, projectId }, verifier);
  } catch (thrown) {
    if (!(thrown instanceof TrustError)) throw thrown;
    return { state: "empty", sequence: 0, error: thrown.code } as const;
  }
  mkdirSync(state, { recursive: true });
  writeFileSync(join(state, "pinned.json"), JSON.stringify({ root, identity: { orgId, projectId, environment } }));
  return { state: "empty", sequence: 0, error: null } as const;
}

async function update(state: string, url: string, now: Date): Promise<Expectation> {
  const { root, identity } = JSON.parse(readFileSync(join(state, "pinned.json"), "utf8")) as {
    readonly root: string;
    readonly identity: TrustIdentity;
  };
  const pinned = await verifyPinnedRoot(root, identity, verifier);
  const kept = readIfThere(join(state, "state.json"));
  const content = readIfThere(join(state, "content"));
  const stored = kept && parseTrustState(kept.toString());
  const start = await verifyState(stored, pinned, content && new Uint8Array(content), { identity, verifier });
  try {
    const result = await verifyUpdate(start.trusted, sourceOf(url), { now, verifier });
    if (result.content !== null) writeFileSync(join(state, "content"), result.content);
    persist(state, result.trusted);
    return endOf(result.trusted, now, result.error?.code ?? null);
  } catch (thrown) {
    if (!(thrown instanceof Away)) throw thrown;
    return endOf(start.trusted, now, start.error?.code ?? "unavailable");
  }
}

/** The server did not answer as one. */
class Away extends Error {}

function sourceOf(url: string): UpdateSource {
  const get = async (path: string) => {
    const response = await fetch(`${url}${path}`).catch((cause: unknown) => {
      throw new Away("no answer", { cause });
    });
    if (!response.ok && response.status !== 404) throw new Away(`status ${response.status}`);
    return response;
  };
  return {
    root: async (version) => {
      const response = await get(`/v1/trust/roots/${version}`);
      return response.status === 404 ? null : await response.text();
    },
    attestation: async () => await (await get("/v1/bundles/latest/attestation")).text(),
    content: async (size) => {
      const { body } = await get("/v1/bundles/latest/content");
      const chunks: Uint8Array[] = [];
      let length = 0;
      for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
        chunks.push(chunk);
        length += chunk.length;
        if (length > size) break;
      }
      return new Uint8Array(Buffer.concat(chunks));
    },
  };
}

function persist(folder: string, trusted: TrustedState): void {
  const path = join(folder, "state.json");
  writeFileSync(`${path}.new`, JSON.stringify(storedState(trusted)));
  renameSync(`${path}.new`, path);
}

function endOf(trusted: TrustedState, now: Date, error: string | null): Expectation {
  const { condition } = conditionOf(trusted, now.getTime());
  return { state: condition, sequence: trusted.running?.sequence ?? 0, error };
}

function readIfThere(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}

if (process.argv[1] === import.meta.filename) {
  const end = await runSmallClient(process.argv.slice(2), process.env["SIGNET_NOW"] ?? new Date().toISOString());
  console.log(JSON.stringify(end));
  process.exitCode = end.error === null ? 0 : 1;
}
