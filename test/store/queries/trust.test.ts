import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import type { Environment, Project } from "../../../src/core/organization.js";
import type { ActivationAttestation } from "../../../src/core/trust/activation-attestation.js";
import type { Release } from "../../../src/core/trust/release.js";
import type { TrustRoot } from "../../../src/core/trust/trust-root.js";
import { aBundle, aContent, aDeployment, insertTenancy, minutesLater } from "../sample.js";
import { useStore } from "../temporary-store.js";

const db = useStore();
const AT = minutesLater(0);
let project: Project;
let environment: Environment;

beforeEach(async () => {
  ({ project, dev: environment } = await insertTenancy(db));
});

function aRoot(version: number): TrustRoot {
  return {
    ...{ projectId: project.id, version, envelope: `{"root":${version}}`, digest: String(version).padStart(64, "0") },
    ...{ expiresAt: AT, publishedAt: AT, publishedBy: "sgt_admin" },
  };
}

function aRelease(number: number, digest = String(number).padStart(64, "0")): Release {
  const { id: projectId } = project;
  const mediaType = "application/json";
  return {
    projectId,
    digest,
    envelope: "{}",
    number,
    expiresAt: null,
    mediaType,
    uploadedAt: AT,
    uploadedBy: "sgt_ci",
  };
}

function subjectOf(release: Release, contentSha256: string, name = "prod") {
  const { projectId, digest, number } = release;
  return { projectId, environment: name, contentSha256, digest, number };
}

describe("roots", () => {
  it("are found by version, newest, and after a version", async () => {
    expect(await db.read.newestTrustRoot(project.id)).toBeNull();
    await db.write(async (tx) => {
      for (const version of [1, 2, 3]) await tx.insertTrustRoot(aRoot(version));
    });
    expect(await db.read.newestTrustRoot(project.id)).toEqual(aRoot(3));
    expect(await db.read.trustRoot(project.id, 2)).toEqual(aRoot(2));
    expect(await db.read.trustRoot(project.id, 4)).toBeNull();
    expect(await db.read.trustRootsAfter(project.id, 1, 1)).toEqual([aRoot(2)]);
    expect(await db.read.trustRootsAfter(randomUUID(), 0, 9)).toEqual([]);
  });

  it("are listed for all projects, the newest of each, by the project's id", async () => {
    const { project: other } = await insertTenancy(db);
    await db.write(async (tx) => {
      for (const version of [1, 2]) await tx.insertTrustRoot(aRoot(version));
      await tx.insertTrustRoot({ ...aRoot(1), projectId: other.id });
    });
    const all = [
      { root: aRoot(2), project: { id: project.id, orgId: project.orgId, slug: project.slug } },
      { root: { ...aRoot(1), projectId: other.id }, project: { id: other.id, orgId: other.orgId, slug: other.slug } },
    ].toSorted((a, b) => (a.project.id < b.project.id ? -1 : 1));
    const [first] = all;
    expect(await db.read.newestTrustRoots("", 9)).toEqual(all);
    expect(await db.read.newestTrustRoots("", 1)).toEqual(all.slice(0, 1));
    expect(await db.read.newestTrustRoots(first?.project.id ?? "", 9)).toEqual(all.slice(1));
  });

  it("of one version are refused twice", async () => {
    await db.write((tx) => tx.insertTrustRoot(aRoot(1)));
    await expect(db.write((tx) => tx.insertTrustRoot(aRoot(1)))).rejects.toMatchObject({ code: "conflict" });
  });
});

describe("releases", () => {
  it("are found by the content that they allow, highest number first", async () => {
    const [old, next, other] = [aRelease(1), aRelease(2), aRelease(3)];
    await db.write(async (tx) => {
      await tx.putRelease(old, [subjectOf(old, "a"), subjectOf(old, "b", "dev")]);
      await tx.putRelease(next, [subjectOf(next, "a")]);
      await tx.putRelease(other, [subjectOf(other, "c")]);
      await tx.putRelease(other, [subjectOf(other, "c")]);
    });
    const of = (name: string, contentSha256: string, limit = 9) =>
      db.read.releasesOf({ projectId: project.id, environment: name, contentSha256 }, limit);
    expect(await of("prod", "a")).toEqual([next, old]);
    expect(await of("prod", "a", 1)).toEqual([next]);
    expect(await of("prod", "b")).toEqual([]);
    expect(await of("dev", "b")).toEqual([old]);
    expect(await db.read.releases(project.id, { limit: 2, offset: 0 })).toEqual({ rows: [other, next], total: 3 });
    const inDev = await db.read.releases(project.id, { limit: 2, offset: 0 }, "dev");
    expect(inDev).toEqual({ rows: [old], total: 1 });
    expect(await db.read.release(project.id, old.digest)).toEqual(old);
    expect(await db.read.release(randomUUID(), old.digest)).toBeNull();
  });
});

describe("releases of a project that keeps too many", () => {
  it("make room by what no kept version was active with, lowest number first", async () => {
    const content = "a".repeat(64);
    const [needed, elsewhere, other, next] = [aRelease(1), aRelease(2), aRelease(3), aRelease(4)];
    const bundle = aBundle(environment, { contentId: aContent("x").id, policyHash: `sha256:${content}` });
    await db.write(async (tx) => {
      await tx.putContent(aContent("x"));
      await tx.insertBundle(bundle);
      await tx.insertDeployment(aDeployment(bundle));
      await tx.putRelease(needed, [subjectOf(needed, content, "dev"), subjectOf(needed, "b")]);
      await tx.putRelease(elsewhere, [subjectOf(elsewhere, content)]);
      await tx.putRelease(other, [subjectOf(other, "c", "dev")]);
      await tx.putRelease(next, [subjectOf(next, "d", "dev")]);
    });
    expect(await db.read.countReleases(project.id)).toBe(4);
    const left = async () => (await db.read.releases(project.id, { limit: 9, offset: 0 })).rows.map((it) => it.number);
    expect(await db.write((tx) => tx.deleteUnneededReleases(project.id, 2))).toBe(2);
    expect(await left()).toEqual([4, 1]);
    expect(await db.write((tx) => tx.deleteUnneededReleases(project.id, 9))).toBe(1);
    expect(await db.write((tx) => tx.deleteUnneededReleases(project.id, 9))).toBe(0);
    expect(await left()).toEqual([1]);
    await db.write((tx) => tx.updateRelease({ projectId: project.id, digest: needed.digest, envelope: '{"two":1}' }));
    expect(await db.read.release(project.id, needed.digest)).toEqual({ ...needed, envelope: '{"two":1}' });
  });
});

describe("the attestation of an activation", () => {
  it("is kept once, and may get another signature", async () => {
    const content = aContent("x");
    const bundle = aBundle(environment, { contentId: content.id });
    const deployment = aDeployment(bundle);
    const attestation: ActivationAttestation = {
      ...{ deploymentId: deployment.id, envelope: "{}", digest: "d", releaseDigest: null, releaseNumber: null },
      ...{ keyId: "k", attestedAt: AT },
    };
    await db.write(async (tx) => {
      await tx.putContent(content);
      await tx.insertBundle(bundle);
      await tx.insertDeployment(deployment);
      await tx.insertActivationAttestation(attestation);
      await tx.insertActivationAttestation({ ...attestation, digest: "another" });
    });
    expect(await db.read.activationAttestation(deployment.id)).toEqual(attestation);
    const more = { deploymentId: deployment.id, envelope: '{"two":1}', keyId: "k2" };
    await db.write((tx) => tx.updateActivationAttestation(more));
    expect(await db.read.activationAttestation(deployment.id)).toEqual({ ...attestation, ...more });
    expect(await db.read.activationAttestation(randomUUID())).toBeNull();
    const { environmentId, sequence } = deployment;
    expect(await db.read.attestationBefore(environmentId, sequence + 5)).toMatchObject({ deploymentId: deployment.id });
    expect(await db.read.attestationBefore(environmentId, sequence)).toBeNull();
  });
});
