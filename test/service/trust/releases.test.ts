import { beforeEach, describe, expect, it } from "vitest";
import { testKey } from "../../support/trust.js";
import { publishInput, useServices } from "../fixture.js";
import { ALICE, AUTHORS, BOB, CAROL, OWNER, Trusted } from "./trusted.js";

const signet = useServices();
let trusted: Trusted;
beforeEach(() => {
  trusted = new Trusted(signet);
});

const CONTENT = "0".repeat(64);
const signaturesOf = (envelope: string) =>
  (JSON.parse(envelope) as { signatures: readonly { keyid: string; sig: string }[] }).signatures;
const kept = () => signet.counts("releases", "release_subjects");

describe("an uploaded release", () => {
  it("is kept, told, and shown with who must sign", async () => {
    await trusted.begin(2);
    const known = await trusted.upload(await trusted.release({ dev: CONTENT, prod: CONTENT }, [ALICE], { number: 7 }));
    expect(known).toMatchObject({ signedBy: [ALICE.id], problem: null, release: { number: 7 } });
    expect(known.subjects).toMatchObject([
      {
        ...{ environment: "dev", contentSha256: CONTENT, threshold: 2, signedBy: [ALICE.id] },
        refusal: {
          problem: "release_missing",
          message: '"dev" takes only what its authors released: 2 of alice, bob, carol must sign; signed: alice',
        },
      },
      { environment: "prod" },
    ]);
    const { rows } = await signet.services.audit.list({
      orgId: signet.orgId,
      limit: 1,
      action: "trust.release_uploaded",
    });
    expect(rows).toMatchObject([
      {
        resourceId: known.release.digest,
        metadata: { number: 7, environments: ["dev", "prod"], signed_by: [ALICE.id] },
      },
    ]);
    const { digest } = known.release;
    expect(await signet.services.releases.get(signet.admin, signet.projectId, digest)).toEqual(known);
    const page = { limit: 25, offset: 0 };
    expect(await signet.services.releases.list(signet.admin, signet.projectId, page)).toEqual({
      rows: [known],
      total: 1,
    });
  });

  it("gathers the signatures of its authors, one upload after another, each once", async () => {
    await trusted.begin(2);
    const by = async (...keys: (typeof ALICE)[]) => await trusted.upload(await trusted.release({ dev: CONTENT }, keys));
    await by(ALICE);
    const both = await by(BOB);
    expect(both.signedBy).toEqual([ALICE.id, BOB.id]);
    expect(both.subjects).toMatchObject([{ refusal: null }]);
    const before = await signet.count("audit_events");
    expect((await by(ALICE, BOB)).release.envelope).toBe(both.release.envelope);
    expect(await signet.count("audit_events")).toBe(before);
    expect((await by(CAROL)).signedBy).toEqual([ALICE.id, BOB.id, CAROL.id]);
    expect(await kept()).toEqual([1, 1]);
  });

  it("is kept without the signatures of strangers", async () => {
    await trusted.begin(1);
    const strangers = [...Array(30).keys()].map((n) => testKey(`stranger ${n}`));
    const { release } = await trusted.upload(await trusted.release({ dev: CONTENT }, [...strangers, OWNER, ALICE]));
    expect(JSON.parse(release.envelope)).toMatchObject({ signatures: [{ keyid: ALICE.id }] });
  });

  it("is kept under the ids of its authors, whatever its signatures say", async () => {
    await trusted.begin(2);
    const [bob, alice] = signaturesOf(await trusted.release({ dev: CONTENT }, [BOB, ALICE]));
    const envelope = JSON.parse(await trusted.release({ dev: CONTENT }, [ALICE])) as { signatures: unknown[] };
    envelope.signatures = [{ ...bob, keyid: ALICE.id }, { ...alice, keyid: "" }, { ...bob }];
    const known = await trusted.upload(JSON.stringify(envelope));
    expect(known.signedBy).toEqual([ALICE.id, BOB.id]);
    expect(signaturesOf(known.release.envelope)).toEqual([alice, bob]);
    // Looked at again, and under another root.
    await trusted.publish({ ...(await trusted.root(2)), version: 2 });
    const { digest } = known.release;
    expect(await signet.services.releases.get(signet.admin, signet.projectId, digest)).toMatchObject({
      signedBy: [ALICE.id, BOB.id],
    });
  });

  it("for hundreds of environments is listed with the first 32", async () => {
    await trusted.begin(2);
    const many = Object.fromEntries([...Array(300).keys()].map((n) => [`env-${n}`, CONTENT]));
    const known = await trusted.upload(await trusted.release(many, [ALICE]));
    expect(known.subjects).toHaveLength(300);
    const { rows } = await signet.services.releases.list(signet.admin, signet.projectId, { limit: 25, offset: 0 });
    expect(rows).toEqual([{ ...known, subjects: known.subjects.slice(0, 32) }]);
  });

  it("is absent for the runtimes of an environment that it is not for", async () => {
    await trusted.begin(2);
    const both = await trusted.upload(await trusted.release({ dev: CONTENT, prod: CONTENT }, AUTHORS));
    const prod = await trusted.upload(await trusted.release({ prod: CONTENT }, AUTHORS, { number: 2 }));
    const { principal } = await signet.runtime("dev");
    const { releases } = signet.services;
    const page = { limit: 25, offset: 0 };
    expect(await releases.list(principal, signet.projectId, page)).toEqual({ rows: [both], total: 1 });
    expect(await releases.get(principal, signet.projectId, both.release.digest)).toEqual(both);
    const get = releases.get(principal, signet.projectId, prod.release.digest);
    await expect(get).rejects.toMatchObject({ code: "not_found", message: "release not found" });
    expect(await releases.list(signet.admin, signet.projectId, page)).toMatchObject({ total: 2 });
  });

  it("may be signed by the authors of one environment alone", async () => {
    const dave = testKey("dave");
    const root = await trusted.root(2);
    await trusted.publish({
      ...root,
      keys: new Map([...root.keys, [dave.id, dave.publicKey]]),
      environments: new Map([["dev", { release: { threshold: 1, keyIds: [dave.id] } }]]),
    });
    const known = await trusted.upload(await trusted.release({ dev: CONTENT, prod: CONTENT }, [dave]));
    expect(known.subjects).toMatchObject([
      { environment: "dev", threshold: 1, signedBy: [dave.id], refusal: null },
      { environment: "prod", threshold: 2, signedBy: [], refusal: { problem: "release_missing" } },
    ]);
  });
});

describe("is refused: a release", () => {
  it("while the project has no root", async () => {
    await expect(trusted.upload(await trusted.release({ dev: CONTENT }, AUTHORS))).rejects.toMatchObject({
      ...{ code: "conflict", reason: "no_root" },
    });
  });

  it.each([
    ["that no author signed", "bad_signature", () => trusted.release({ dev: CONTENT }, [OWNER])],
    [
      "that has expired",
      "release_expired",
      () => trusted.release({ dev: CONTENT }, AUTHORS, { expiresAt: "2026-05-01T12:00:00Z" }),
    ],
    [
      "of another media type than policies have",
      "mix_and_match",
      () => trusted.release({ dev: CONTENT }, AUTHORS, { mediaType: "application/vnd.other+json" }),
    ],
    ["for no environment", "malformed", () => trusted.release({}, AUTHORS)],
    [
      "that is a root",
      "wrong_type",
      async () => (await trusted.publish({ ...(await trusted.root(0)), version: 2 })).kept.envelope,
    ],
    ["that is no JSON", "malformed", async () => "release"],
  ])("%s", async (_, type, made) => {
    await trusted.begin(2);
    const thrown = trusted.upload(await made());
    await expect(thrown).rejects.toMatchObject({ code: "invalid", fields: [{ loc: ["body", "envelope"], type }] });
    expect(await kept()).toEqual([0, 0]);
  });

  it("with more signatures of strangers than are tried with every key", async () => {
    const many = [...Array(60).keys()].map((n) => testKey(`author ${n}`));
    const root = await trusted.root(1);
    const keys = new Map([...root.keys, ...many.map(({ id, publicKey }) => [id, publicKey] as const)]);
    const release = { threshold: 1, keyIds: many.map(({ id }) => id) };
    await trusted.publish({ ...root, keys, roles: { ...root.roles, release } });
    const strangers = [...Array(31).keys()].map((n) => testKey(`stranger ${n}`));
    const some = await trusted.release({ dev: CONTENT }, [...strangers.slice(0, 17), ...many.slice(0, 1)]);
    expect(await trusted.upload(some)).toMatchObject({ signedBy: [many[0]?.id] });
    const tooMany = trusted.upload(await trusted.release({ dev: CONTENT }, [...strangers, ...many.slice(0, 1)]));
    await expect(tooMany).rejects.toMatchObject({ fields: [{ loc: ["body", "envelope"], type: "too_large" }] });
    // With its own authors alone an envelope may be full.
    const full = await trusted.release({ dev: CONTENT }, many.slice(0, 32), { number: 2 });
    expect((await trusted.upload(full)).signedBy).toHaveLength(32);
  });

  it("of another project", async () => {
    await trusted.begin(2);
    const { project } = await signet.services.projects.create(signet.admin, "other");
    const envelope = await trusted.release({ dev: CONTENT }, AUTHORS);
    const other = signet.services.releases.upload(signet.admin, project.id, envelope);
    await expect(other).rejects.toMatchObject({ reason: "no_root" });
    const foreigner = await signet.foreigner();
    await expect(trusted.upload(envelope, foreigner)).rejects.toMatchObject({ code: "not_found" });
  });

  it("that the root revokes", async () => {
    const envelope = await trusted.release({ dev: CONTENT }, AUTHORS);
    const root = await trusted.begin(2);
    const { release } = await trusted.upload(envelope);
    await trusted.publish({ ...root, version: 2, revoked: [release.digest] });
    await expect(trusted.upload(envelope)).rejects.toMatchObject({ fields: [{ type: "revoked" }] });
    expect(await signet.services.releases.get(signet.admin, signet.projectId, release.digest)).toMatchObject({
      ...{ problem: "revoked", subjects: [{ refusal: { problem: "revoked" } }] },
    });
  });
});

describe("a publication with its release", () => {
  const publish = (release: string, changes: object = {}, caller = signet.change()) =>
    signet.services.publishing.publish(caller, signet.path("dev"), publishInput({ release, ...changes }));
  const hash = async () => (await signet.publish("dev", { n: 1 }, signet.change({ dryRun: true }))).bundle.policyHash;

  it("keeps both, or neither", async () => {
    await trusted.begin(0);
    const envelope = await trusted.release({ dev: await hash() }, [ALICE]);
    await expect(publish(envelope, {}, signet.change({ ifSequence: 9 }))).rejects.toMatchObject({
      code: "precondition_failed",
    });
    await publish(envelope, {}, signet.change({ dryRun: true }));
    expect([await kept(), await signet.count("bundles")]).toEqual([[0, 0], 0]);
    await publish(envelope);
    expect([await kept(), await signet.count("bundles")]).toEqual([[1, 1], 1]);
    await publish(envelope, {}, signet.change({ skipUnchanged: true }));
    expect([await kept(), await signet.count("bundles")]).toEqual([[1, 1], 1]);
  });

  it("is refused when it is the release of another content", async () => {
    await trusted.begin(0);
    const of = async (contents: Readonly<Record<string, string>>) =>
      await publish(await trusted.release(contents, [ALICE]));
    const refused = { code: "invalid", fields: [{ loc: ["body", "release"], type: "digest_mismatch" }] };
    await expect(of({ dev: CONTENT })).rejects.toMatchObject(refused);
    await expect(of({ prod: await hash() })).rejects.toMatchObject(refused);
    expect([await kept(), await signet.count("bundles")]).toEqual([[0, 0], 0]);
  });
});
