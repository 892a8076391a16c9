import { describe, expect, it } from "vitest";
import { nobleVerifier } from "../../../src/bundle/ed25519-noble.js";
import type { Verifier } from "../../../src/bundle/signer.js";
import { TRUST_CODES } from "../../../src/bundle/trust/trust-error.js";
import { conditionOf, parseTrustState, storedState } from "../../../src/bundle/trust/trust-state.js";
import { verifyUpdate, type UpdateSource } from "../../../src/bundle/trust/update.js";
import { verifyPinnedRoot } from "../../../src/bundle/trust/verify-objects.js";
import { verifyState } from "../../../src/bundle/trust/verify-state.js";
import { nodeVerifier } from "../../../src/service/keys/ed25519-node.js";
import type { Expectation, ServedPack, VectorCase, VectorStep } from "../../vectors/case.js";
import { readPacks } from "../../vectors/packs.js";

const all = readPacks();

/** A runtime's disk. */
interface Disk {
  state: string | null;
  content: Uint8Array | null;
}

function sourceOf(pack: ServedPack): UpdateSource {
  return {
    root: async (version) => pack.roots[version] ?? null,
    attestation: async () => pack.attestation,
    content: async (size) => new Uint8Array(Buffer.from(pack.content, "base64").subarray(0, size + 1)),
  };
}

/** One start, one update, one end. */
async function run(
  { root, identity: it }: VectorCase,
  { now, serve, damage }: VectorStep,
  disk: Disk,
  verifier: Verifier,
): Promise<Expectation> {
  const identity = { orgId: it.org_id, projectId: it.project_id, environment: it.environment };
  if (damage !== undefined) disk.content?.set([(disk.content[20] ?? 0) ^ 1], 20);
  const pinned = await verifyPinnedRoot(root, identity, verifier);
  const stored = disk.state === null ? null : parseTrustState(disk.state);
  const start = await verifyState(stored, pinned, disk.content, { identity, verifier });
  let [trusted, error]: [typeof start.trusted, string | null] = [start.trusted, start.error?.code ?? "unavailable"];
  if (serve !== null) {
    const update = await verifyUpdate(trusted, sourceOf(serve), { now: new Date(now), verifier });
    [trusted, error] = [update.trusted, update.error?.code ?? null];
    disk.content = update.content ?? disk.content;
    disk.state = JSON.stringify(storedState(trusted));
  }
  const { condition } = conditionOf(trusted, Date.parse(now));
  return { state: condition, sequence: trusted.running?.sequence ?? 0, error };
}

describe.each([...all])("the vectors of %s", (file, cases) => {
  // The portable implementation takes 20 times as long.
  const verifier = file === "passes" ? nobleVerifier : nodeVerifier;

  it.each(cases.map((it) => [it.name, it] as const))("%s", async (_name, it) => {
    if (it.init !== null) {
      const identity = { orgId: it.identity.org_id, projectId: it.identity.project_id };
      await expect(verifyPinnedRoot(it.root, identity, verifier)).rejects.toMatchObject({ code: it.init });
      return;
    }
    const disk: Disk = { state: null, content: null };
    const ends: Expectation[] = [];
    for (const step of it.steps) ends.push(await run(it, step, disk, verifier));
    expect(ends).toEqual(it.steps.map(({ expect: end }) => end));
  });
});

describe("the vectors", () => {
  const cases = [...all.values()].flat();
  const codesOf = (it: VectorCase) => [it.init, ...it.steps.map(({ expect: { error } }) => error)];

  it("have a name each, and fail where they must", () => {
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
    const wrong = cases.filter(
      (it) => (it.must === "fail") !== codesOf(it).some((code) => code !== null && code !== "unavailable"),
    );
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });

  it("have every code", () => {
    const codes = new Set(cases.flatMap(codesOf));
    expect(TRUST_CODES.filter((code) => !codes.has(code))).toEqual([]);
  });
});
