import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { canonicalContent } from "../../src/bundle/policy-hash.js";
import type { Root } from "../../src/bundle/trust/root.js";
import { openRuntime } from "../../src/sdk/node.js";
import type { CurrentPolicies, Runtime, TransportName } from "../../src/sdk/runtime/runtime.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { aRoot, publicKeyOf, releaseEnvelope, rootEnvelope, rule, testKey, type TestKey } from "../support/trust.js";
import { overGrpc, overRest, type SignedProject } from "./level-2.js";
import { createTestProject, type TestProject } from "./project.js";

const OWNER = testKey("owner");
const [ALICE, BOB, CAROL] = ["alice", "bob", "carol"].map(testKey) as [TestKey, TestKey, TestKey];
const AUTHORS = [ALICE, BOB, CAROL];
const STAGES = ["dev", "staging", "prod"];

/** The examples' policy, and what becomes of it. */
const GUARDRAILS = readFileSync(new URL("../../examples/policies/guardrails.json", import.meta.url), "utf8");
const stricter = (requests: number) => {
  const policies = JSON.parse(GUARDRAILS) as { limits: object };
  return JSON.stringify({ ...policies, limits: { ...policies.limits, requests_per_minute: requests } });
};

/** The calls, and how the runtime of prod follows. */
const WAYS: readonly [string, (server: TestServer, projectId: string) => SignedProject, TransportName][] = [
  ["gRPC", overGrpc, "grpc"],
  ["REST", overRest, "poll"],
];

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

describe.each(WAYS)("two of three authors, over %s", (name, over, transport) => {
  let project: TestProject;
  let signed: SignedProject;
  let root: Root;
  let prod: Runtime;
  let projects = 0;

  beforeEach(async () => {
    project = await createTestProject(server, `level-2-${name.toLowerCase()}-${(projects += 1)}`);
    const { orgId, projectId } = project.place.prod;
    signed = over(server, projectId);
    const { serverKeys } = await server.admin.trust.getTrust({ orgId, projectId });
    const first = aRoot({
      orgId,
      projectId,
      server: publicKeyOf(serverKeys[0]?.publicKey ?? ""),
      owner: OWNER,
      authors: AUTHORS,
    });
    root = { ...first, roles: { ...first.roles, release: rule(2, ...AUTHORS) } };
    const envelope = await rootEnvelope(root, OWNER);
    expect(await signed.publishRoot(envelope)).toBeNull();
    prod = await openRuntime({
      ...{ url: server.url, token: project.runtimeToken.prod, trust: { root: envelope }, instanceId: "prod-1" },
      identity: { orgId, projectId, environment: "prod" },
      ...{ transports: [transport], onRevoked: "close" },
    });
  });
  afterEach(() => prod.close());

  /** A release of the policies to some stages, by the given authors. */
  const release = async (policies: string, number: number, keys: readonly TestKey[], stages = STAGES) => {
    const { policyHash } = canonicalContent(policies, "{}");
    const contents = Object.fromEntries(stages.map((stage) => [stage, policyHash]));
    const { orgId, projectId } = project.place.dev;
    return await releaseEnvelope({ orgId, projectId, contents, number }, ...keys);
  };
  /** The next root. */
  const change = async (version: number, changes: Partial<Root>, force = false) =>
    await signed.publishRoot(await rootEnvelope({ ...root, version, ...changes }, OWNER), force);
  /** What prod's runtime has as soon as it has this sequence. */
  const applied = async (sequence: number): Promise<CurrentPolicies> => {
    for await (const current of prod.updates()) if (current.sequence >= sequence) return current;
    throw new Error("the runtime was closed");
  };
  const releaseAt = async (stage: string) => {
    const { environments } = await server.admin.trust.getTrust(project.place.dev);
    return environments.find(({ environment }) => environment === stage)?.releaseDigest;
  };
  const missing = (stage: string, who: string) => ({
    reason: "release_missing",
    message: `"${stage}" takes only what its authors released: 2 of alice, bob, carol must sign; signed: ${who}`,
  });

  it("one release takes a policy from dev to prod, and one author alone is refused", async () => {
    expect(await signed.publish("dev", GUARDRAILS)).toEqual(missing("dev", "nobody"));
    expect(await signed.upload(await release(GUARDRAILS, 1, [ALICE]))).toBeNull();
    expect(await signed.publish("dev", GUARDRAILS)).toEqual(missing("dev", "alice"));
    const { bundles } = await server.admin.bundles.listBundles(project.place.dev);
    expect(bundles).toEqual([]);

    expect(await signed.upload(await release(GUARDRAILS, 1, [BOB]))).toBeNull();
    expect(await signed.publish("dev", GUARDRAILS)).toBeNull();
    expect(await signed.promote("dev")).toBeNull();
    expect(await signed.promote("staging")).toBeNull();
    const digests = await Promise.all(STAGES.map(releaseAt));
    expect(new Set(digests).size).toBe(1);

    const current = await applied(1);
    expect(current.policies).toEqual(JSON.parse(GUARDRAILS));
    expect(current.release).toMatchObject({ number: 1, authors: ["alice", "bob"] });
    expect(prod.status).toMatchObject({ state: "fresh", transport, refusal: null });
  });

  it("what was released to dev alone gets no further", async () => {
    const draft = stricter(30);
    expect(await signed.publish("dev", draft, await release(draft, 1, [ALICE, CAROL], ["dev"]))).toBeNull();
    expect(await signed.promote("dev")).toEqual(missing("staging", "nobody"));
    const { releases, total } = await server.admin.trust
      .listReleases(project.place.dev)
      .then(({ data, total: all }) => ({ releases: data, total: all }));
    expect([total, releases[0]?.subjects.map(({ environment, ready }) => [environment, ready])]).toEqual([
      1,
      [["dev", true]],
    ]);
  });

  it("a rollback goes to what was released with rollback: server, and by a new release alone with rollback: release", async () => {
    const next = stricter(30);
    expect(await signed.publish("prod", GUARDRAILS, await release(GUARDRAILS, 1, [ALICE, BOB]))).toBeNull();
    expect(await signed.publish("prod", next, await release(next, 2, [BOB, CAROL]))).toBeNull();
    expect((await applied(2)).release?.number).toBe(2);
    expect(await signed.rollback("prod", 1)).toBeNull();
    expect(await applied(3)).toMatchObject({ kind: "rollback", release: { number: 1 } });
    expect(await signed.publish("prod", next)).toBeNull();
    expect((await applied(4)).release?.number).toBe(2);

    expect(await change(2, { rollback: "release" })).toBeNull();
    expect(await signed.rollback("prod", 1)).toEqual({
      reason: "rolled_back",
      message:
        '"prod" takes no release below 2, the last one, and the release of this content is 1: its authors can release the content again',
    });
    expect(await signed.upload(await release(GUARDRAILS, 3, [ALICE, CAROL]))).toBeNull();
    expect(await signed.rollback("prod", 1)).toBeNull();
    expect(await applied(5)).toMatchObject({ kind: "rollback", release: { number: 3, authors: ["alice", "carol"] } });
    expect(prod.status).toMatchObject({ state: "fresh", refusal: null });
  });

  it("a new root reaches the runtime in one push: what it revokes is closed", async () => {
    expect(await signed.publish("prod", GUARDRAILS, await release(GUARDRAILS, 1, [ALICE, BOB]))).toBeNull();
    await applied(1);
    const revoked = new Promise<void>((resolve) => {
      prod.on("state", ({ state }) => {
        if (state === "revoked") resolve();
      });
    });
    const content = canonicalContent(GUARDRAILS, "{}").policyHash.replace("sha256:", "");
    const refused = await change(2, { revoked: [content] });
    expect(refused).toMatchObject({ reason: "root_stops_runtimes" });
    expect(refused?.message).toContain('"prod" cannot have this content: it was revoked');
    expect(await change(2, { revoked: [content] }, true)).toBeNull();
    await revoked;
    expect(prod.current).toBeNull();

    const next = stricter(30);
    expect(await signed.publish("prod", next, await release(next, 2, [ALICE, BOB]))).toBeNull();
    expect(await applied(2)).toMatchObject({ release: { number: 2 } });
    expect(prod.status.state).toBe("fresh");
  });
});
