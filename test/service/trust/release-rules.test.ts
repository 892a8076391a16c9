import { beforeEach, describe, expect, it } from "vitest";
import type { Root } from "../../../src/bundle/trust/root.js";
import { publishInput, useServices } from "../fixture.js";
import { ALICE, AUTHORS, BOB, CAROL, Trusted, type ReleaseOf } from "./trusted.js";

const signet = useServices();
let trusted: Trusted;
let root: Root;
beforeEach(async () => {
  trusted = new Trusted(signet);
  root = await trusted.begin(2);
});

const NEVER = { hold: false, reason: null };
const rollback = (to: number) => signet.services.bundles.rollback(signet.change(), signet.path("dev"), to, NEVER);
/** The policy hash of `{"n":…}`, which no promotion changes. */
const hashOf = async (n: number): Promise<string> => {
  const input = publishInput({ policies: JSON.stringify({ n }), activate: false });
  const dryRun = signet.change({ dryRun: true });
  return (await signet.services.publishing.publish(dryRun, signet.path("dev"), input)).bundle.policyHash;
};
/** Releases `{"n":…}` to some environments. */
async function release(n: number, environments: readonly string[], keys = [ALICE, BOB], how: ReleaseOf = {}) {
  const hash = await hashOf(n);
  const contents = Object.fromEntries(environments.map((name) => [name, hash]));
  return await trusted.upload(await trusted.release(contents, keys, how));
}
/** Asks for no release any more, does something, and asks again. */
async function unasked(work: () => Promise<unknown>): Promise<void> {
  const { kept } = (await signet.services.roots.overview(signet.admin, signet.projectId)).root ?? {};
  const version = kept?.version ?? 0;
  const free = { ...root.roles, release: { threshold: 0, keyIds: [] } };
  await trusted.publish({ ...root, version: version + 1, roles: free }, { force: true });
  await work();
  await trusted.publish({ ...root, version: version + 2 }, { force: true });
}
const named = async (envName: string) => {
  const { activeDeploymentId } = await signet.environment(envName);
  return await signet.store.read.activationAttestation(activeDeploymentId ?? "");
};

async function expectRefused(call: () => Promise<unknown>, reason: string, message: RegExp): Promise<void> {
  const before = await signet.fingerprint();
  const thrown: unknown = await call().catch((error: unknown) => error);
  expect(thrown).toMatchObject({ code: "invalid", reason, message: expect.stringMatching(message) as string });
  expect(await signet.fingerprint()).toEqual(before);
}

const NOBODY_SIGNED = /takes only what its authors released: 2 of alice, bob, carol must sign; signed: nobody$/;

describe("without a release", () => {
  it("nothing is published, but for a version that is not activated", async () => {
    await expectRefused(() => signet.publish("dev"), "release_missing", /^"dev" takes only .* signed: nobody$/);
    await expectRefused(
      () => signet.publish("dev", { n: 1 }, signet.change({ dryRun: true })),
      "release_missing",
      NOBODY_SIGNED,
    );
    const input = publishInput({ activate: false });
    await signet.services.publishing.publish(signet.change(), signet.path("dev"), input);
    await expectRefused(() => signet.activate("dev", 1), "release_missing", NOBODY_SIGNED);
    await release(1, ["dev"]);
    expect(await signet.activate("dev", 1)).toMatchObject({ isActive: true });
  });

  it("nothing is promoted, rolled back to, or activated", async () => {
    await unasked(async () => {
      await signet.publish("dev", { n: 1 });
      await signet.publish("dev", { n: 2 });
    });
    await expectRefused(() => rollback(1), "release_missing", /^"dev" takes only/);
    await expectRefused(() => signet.promote("dev"), "release_missing", /^"staging" takes only/);
    const dryRun = signet.change({ dryRun: true });
    await expectRefused(() => signet.promote("dev", dryRun), "release_missing", /^"staging" takes only/);
    await release(2, ["dev"]);
    await expectRefused(() => signet.promote("dev"), "release_missing", /^"staging" takes only/);
    await release(2, ["staging"], AUTHORS, { number: 2 });
    expect(await signet.promote("dev")).toMatchObject({ isActive: true });
  });

  it("no artifact becomes a version", async () => {
    const { artifacts, artifactPromotions } = signet.services;
    const draft = { projectId: signet.projectId, policies: '{"n":5}', name: null, mediaType: null };
    const artifact = await artifacts.create(signet.change(), draft);
    const promote = () =>
      artifactPromotions.promote(signet.change(), artifact.id, { title: null, description: null, reason: null });
    await expectRefused(promote, "release_missing", /^"dev" takes only/);
    await release(5, ["dev"]);
    expect(await promote()).toMatchObject({ state: { isActive: true } });
  });
});

describe("a pipeline", () => {
  it("names each target that does not take the content, and changes none", async () => {
    const pipeline = await stagesOf("dev", "staging", "prod");
    await release(1, ["dev"]);
    await signet.publish("dev");
    const promote = (dryRun: boolean) =>
      signet.services.pipelinePromotion.promote(signet.change({ dryRun }), {
        ...pipeline,
        promotedBy: null,
        reason: null,
      });
    const all = /^(?=.*"staging" takes only.*; )(?=.*"prod" takes only)/;
    await expectRefused(() => promote(false), "release_missing", all);
    await expectRefused(() => promote(true), "release_missing", all);
    await release(1, ["staging"], AUTHORS, { number: 2 });
    await expectRefused(() => promote(false), "release_missing", /^"prod" takes only[^;]*; signed: nobody$/);
    await release(1, ["prod"], AUTHORS, { number: 3 });
    expect(await promote(false)).toHaveLength(2);
  });

  /** A pipeline of one app in its first stage and the others in its last. */
  async function stagesOf(source: string, ...targets: readonly string[]) {
    const { pipelines, pipelineStages } = signet.services;
    const input = { displayName: "all", type: "trunk", projectId: signet.projectId } as const;
    const { pipeline } = await pipelines.create(signet.admin, input);
    const { stages } = await pipelines.get(signet.admin, pipeline.id);
    const appId = async (name: string) => (await signet.environment(name)).id;
    const ids = {
      pipelineId: pipeline.id,
      sourceAppId: await appId(source),
      targetAppIds: await Promise.all(targets.map(appId)),
    };
    const [first, last] = [stages[0]?.stage.id ?? "", stages.at(-1)?.stage.id ?? ""];
    await pipelineStages.addApp(signet.admin, pipeline.id, first, ids.sourceAppId);
    for (const target of ids.targetAppIds) await pipelineStages.addApp(signet.admin, pipeline.id, last, target);
    return ids;
  }
});

describe("an import", () => {
  it("that is to be active takes a release of the content that it becomes", async () => {
    const { exporting, importing, keys, trustedOrigins } = signet.services;
    await unasked(() => signet.publish("dev"));
    const exported = await exporting.export(signet.admin, signet.path("dev"), 1, {
      digest: null,
      position: null,
      size: null,
    });
    const listed = await keys.list(signet.admin);
    const pems = listed.filter(({ key }) => key.purpose === "bundles").map(({ key }) => key.publicKeyPem);
    await trustedOrigins.create(signet.admin, "here", pems);
    const run = (activate: boolean, dryRun: boolean) =>
      importing.import(signet.change(), signet.path("prod"), {
        ...{ document: exported.document ?? "", provenance: exported.provenance, activate, dryRun },
        ...{ reason: null, importedBy: null },
      });
    await expectRefused(() => run(true, false), "release_missing", /^"prod" takes only/);
    await expectRefused(() => run(true, true), "release_missing", /^"prod" takes only/);
    expect(await run(false, true)).toMatchObject({ state: null });
    await release(1, ["prod"]);
    expect(await run(true, false)).toMatchObject({ state: { isActive: true } });
  });
});

describe("a release", () => {
  it("of one of two authors is refused with who is missing, until the other signs", async () => {
    await release(1, ["dev"], [ALICE]);
    await expectRefused(
      () => signet.publish("dev"),
      "release_missing",
      /2 of alice, bob, carol must sign; signed: alice$/,
    );
    const { release: kept } = await release(1, ["dev"], [CAROL]);
    await signet.publish("dev");
    expect(await named("dev")).toMatchObject({ releaseDigest: kept.digest, releaseNumber: 1 });
  });

  it("comes along with the publication", async () => {
    const envelope = await trusted.release({ dev: await hashOf(1) }, [ALICE, BOB], { number: 9 });
    const input = publishInput({ release: envelope });
    const publish = (caller = signet.change()) => signet.services.publishing.publish(caller, signet.path("dev"), input);
    expect(await publish(signet.change({ dryRun: true }))).toMatchObject({ change: { dryRun: true } });
    expect(await signet.count("releases")).toBe(0);
    await publish();
    expect(await named("dev")).toMatchObject({ releaseNumber: 9 });
    const alone = publishInput({
      release: await trusted.release({ dev: await hashOf(2) }, [ALICE]),
      policies: '{"n":2}',
    });
    await expectRefused(
      () => signet.services.publishing.publish(signet.change(), signet.path("dev"), alone),
      "release_missing",
      /signed: alice$/,
    );
    expect(await signet.count("releases")).toBe(1);
  });

  it("counts for the environments that it names, through all promotions", async () => {
    const { release: kept } = await release(1, ["dev", "staging", "prod"]);
    await signet.publish("dev");
    await signet.promote("dev");
    await signet.promote("staging");
    for (const envName of ["dev", "staging", "prod"])
      expect(await named(envName)).toMatchObject({ releaseDigest: kept.digest });
    const { environments, warnings } = await signet.services.roots.overview(signet.admin, signet.projectId);
    expect([environments.map(({ active }) => active?.refusal), warnings]).toEqual([[null, null, null], []]);
  });

  it("that has run out counts no more, and is warned of", async () => {
    await release(1, ["dev"], AUTHORS, { expiresAt: "2026-05-02T12:00:00Z" });
    await signet.publish("dev");
    const overview = async () => (await signet.services.roots.overview(signet.admin, signet.projectId)).warnings;
    expect(await overview()).toEqual(['the release that is active in "dev" expires at 2026-05-02T12:00:00.000Z']);
    signet.clock.advanceSeconds(86_400);
    await expectRefused(
      () => signet.activate("dev", 1),
      "release_expired",
      /^"dev" cannot have .* ran out at 2026-05-02/,
    );
    expect(await overview()).toEqual([
      'runtimes refuse what is active: "dev" cannot have this content: its release ran out at 2026-05-02T12:00:00.000Z',
    ]);
    await release(1, ["dev"], AUTHORS, { number: 2 });
    await signet.activate("dev", 1);
    expect(await named("dev")).toMatchObject({ releaseNumber: 2 });
  });

  it("or a content that was revoked counts no more", async () => {
    const { release: kept } = await release(1, ["dev"]);
    await signet.publish("dev");
    await trusted.publish({ ...root, version: 2, revoked: [kept.digest] }, { force: true });
    await expectRefused(() => signet.activate("dev", 1), "revoked", /its release 1 was revoked$/);
    await release(1, ["dev"], AUTHORS, { number: 2 });
    await signet.activate("dev", 1);
    const content = (await hashOf(1)).replace("sha256:", "");
    await trusted.publish({ ...root, version: 3, revoked: [content] }, { force: true });
    await expectRefused(() => signet.activate("dev", 1), "revoked", /^"dev" cannot have this content: it was revoked$/);
  });

  it("is chosen by the highest number that enough authors signed", async () => {
    await release(1, ["dev"], AUTHORS, { number: 3 });
    await release(1, ["dev"], [ALICE], { number: 4 });
    await signet.publish("dev");
    expect(await named("dev")).toMatchObject({ releaseNumber: 3 });
  });
});

describe("a rollback", () => {
  beforeEach(async () => {
    await release(1, ["dev"], AUTHORS, { number: 1 });
    await release(2, ["dev"], AUTHORS, { number: 2 });
    await signet.publish("dev", { n: 1 });
    await signet.publish("dev", { n: 2 });
  });

  it("goes to any released content with rollback: server", async () => {
    expect(await rollback(1)).toMatchObject({ isActive: true });
    expect(await named("dev")).toMatchObject({ releaseNumber: 1 });
  });

  it("goes nowhere with rollback: release, unless the authors release it again", async () => {
    await trusted.publish({ ...root, version: 2, rollback: "release" });
    await expectRefused(() => rollback(1), "rolled_back", /^"dev" takes no release below 2, the last one, and .* is 1/);
    await release(1, ["dev"], AUTHORS, { number: 3 });
    await rollback(1);
    expect(await named("dev")).toMatchObject({ releaseNumber: 3 });
  });
});

describe("a root that asks for none", () => {
  it("lets activations name the release that is there, so that the next one may ask for it", async () => {
    const free = { ...root.roles, release: { ...root.roles.release, threshold: 0 } };
    await trusted.publish({ ...root, version: 2, roles: free });
    await signet.publish("dev");
    expect(await named("dev")).toMatchObject({ releaseDigest: null });
    const { release: kept } = await release(1, ["dev"]);
    await signet.activate("dev", 1);
    expect(await named("dev")).toMatchObject({ releaseDigest: kept.digest });
    expect(await trusted.publish({ ...root, version: 3 })).toMatchObject({ warnings: [] });
  });

  it("in one environment lets that one alone", async () => {
    const environments = new Map([["dev", { release: { threshold: 0, keyIds: [] } }]]);
    await trusted.publish({ ...root, version: 2, environments });
    await signet.publish("dev");
    await expectRefused(() => signet.promote("dev"), "release_missing", /^"staging" takes only/);
  });
});

describe("an activation that nobody asked for", () => {
  it("names the release that was active", async () => {
    const { release: kept } = await release(1, ["dev"]);
    await release(1, ["dev"], AUTHORS, { number: 8 });
    await signet.publish("dev");
    const first = await named("dev");
    expect(first).toMatchObject({ releaseNumber: 8 });
    expect(kept.number).toBe(1);
    await signet.tamper("delete from activation_attestations");
    const { activeDeploymentId } = await signet.environment("dev");
    const deployment = await signet.store.read.deployment(signet.orgId, activeDeploymentId ?? "");
    if (deployment === null) throw new Error("nothing is active");
    expect(await signet.services.attestations.of(deployment)).toMatchObject({ releaseNumber: 8 });
  });

  it("stops no runtime: it is shown, and checked under the next root, with the release that it will name", async () => {
    const { release: kept } = await release(1, ["dev"]);
    await signet.publish("dev");
    await signet.tamper("delete from activation_attestations");
    const { environments } = await signet.services.roots.overview(signet.admin, signet.projectId);
    const dev = environments.find(({ environment }) => environment === "dev");
    expect(dev?.active).toMatchObject({ releaseDigest: kept.digest, refusal: null });
    const next = await trusted.root(1, { version: 2 });
    expect(await trusted.publish(next)).toMatchObject({ warnings: [] });
    expect(await signet.count("activation_attestations")).toBe(0);
  });
});
