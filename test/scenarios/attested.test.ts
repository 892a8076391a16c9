import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseActivation } from "../../src/bundle/trust/activation.js";
import { parseLease } from "../../src/bundle/trust/lease.js";
import type { Root } from "../../src/bundle/trust/root.js";
import { emptyState, type TrustedState } from "../../src/bundle/trust/trust-state.js";
import { verifyUpdate } from "../../src/bundle/trust/update.js";
import { nodeVerifier } from "../../src/service/keys/ed25519-node.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { aRoot, publicKeyOf, rootEnvelope, testKey } from "../support/trust.js";
import { STREAMING } from "./drivers/all.js";
import type { AttestationView, Driver, DriverKind } from "./drivers/driver.js";
import { createTestProject, type TestProject } from "./project.js";
import { Watching } from "./watching.js";

let server: TestServer;
let projects = 0;
beforeAll(async () => {
  server = await startTestServer({ SIGNET_HEARTBEAT_MS: "200" });
});
afterAll(() => server[Symbol.asyncDispose]());

const owner = testKey("owner");

async function open(kind: DriverKind) {
  const project = await createTestProject(server, `attested-${(projects += 1)}`);
  const { serverKeys } = await server.admin.trust.getTrust({ orgId: server.orgId, projectId: project.projectId });
  const [online] = serverKeys;
  if (online === undefined) throw new Error("a server without a key for attestations");
  const maker = { orgId: server.orgId, projectId: project.projectId, owner, authors: [] };
  const root = aRoot({ ...maker, server: publicKeyOf(online.publicKey) });
  const publishRoot = async (version: number) => {
    const envelope = await rootEnvelope({ ...root, version }, owner);
    await server.admin.trust.publishRoot({ orgId: server.orgId, projectId: project.projectId, envelope });
    return JSON.parse(envelope) as object;
  };
  await publishRoot(1);
  return { project, root, publishRoot, dev: kind.open(server.url, project.runtimeToken.dev) };
}

function unknownYet(root: Root, { projectId }: TestProject): TrustedState {
  return emptyState(root, { orgId: server.orgId, projectId, environment: "dev" });
}

/** What a runtime makes of an attestation and the content of its activation. */
async function verified(trusted: TrustedState, attestation: AttestationView | null, content: string | null) {
  const source = {
    root: () => Promise.resolve(null),
    attestation: () => Promise.resolve(JSON.stringify(attestation)),
    content: () => Promise.resolve(new TextEncoder().encode(content ?? "")),
  };
  return await verifyUpdate(trusted, source, { now: new Date(), verifier: nodeVerifier });
}

function payloadOf(envelope: object | null | undefined): Uint8Array {
  return Buffer.from((envelope as { readonly payload: string }).payload, "base64");
}

function leaseOf(attestation: AttestationView | null) {
  return parseLease(payloadOf(attestation?.lease));
}

function sha256Of(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

describe.each(STREAMING)("what proves an activation, over $name", (kind) => {
  it("comes with each activation, and a runtime needs nothing else", async () => {
    const { project, root, dev } = await open(kind);
    await project.publish("dev", 1);
    await using watch = new Watching(dev, { rootVersion: 1, content: true });
    const first = await watch.next();
    expect(first).toMatchObject({ event: "activation", sequence: 1, document: null });
    expect(sha256Of(first.content ?? "")).toBe(first.policyHash);
    const begun = await verified(unknownYet(root, project), first.attestation, first.content);
    expect([begun.outcome, begun.error]).toEqual(["activated", null]);

    await project.publish("dev", 2);
    const second = await watch.nextChange();
    expect(second).toMatchObject({ event: "activation", sequence: 2 });
    const next = await verified(begun.trusted, second.attestation, second.content);
    expect([next.outcome, next.error]).toEqual(["activated", null]);
    // The first pack again is refused from now on.
    expect((await verified(next.trusted, first.attestation, first.content)).error?.code).toBe("rolled_back");
  });

  it("comes beside the document, which is the same as ever", async () => {
    const { project, dev } = await open(kind);
    await project.publish("dev", 1);
    await using watch = new Watching(dev);
    const first = await watch.next();
    expect(first.content).toBeNull();
    expect(first.document).toBe((await dev.latest()).document);
    const { content, document, ...others } = parseActivation(payloadOf(first.attestation?.activation));
    expect([`sha256:${content}`, `sha256:${document}`]).toEqual([first.policyHash, sha256Of(first.document ?? "")]);
    expect(others).toMatchObject({ environment: "dev", sequence: 1, deploymentId: first.deploymentId });
  });

  it("is a lease alone to a runtime that has the activation, and nothing to one that knows the lease", async () => {
    const { project, root, dev } = await open(kind);
    await project.publish("dev", 1);
    await using before = new Watching(dev, { content: true });
    const first = await before.next();
    expect(await before.next()).toMatchObject({ event: "heartbeat", attestation: null });
    const { trusted } = await verified(unknownYet(root, project), first.attestation, first.content);
    await using watch = new Watching(dev, { afterSequence: 1, content: true });
    const beat = await watch.next();
    expect(beat).toMatchObject({ event: "heartbeat", sequence: 1 });
    expect(Object.keys(beat.attestation ?? {})).toEqual(["lease"]);
    expect((await verified(trusted, beat.attestation, null)).outcome).toBe("renewed");
    expect(await watch.next()).toMatchObject({ event: "heartbeat", attestation: null });
  });

  it("proves also that nothing is active", async () => {
    const { project, root, dev } = await open(kind);
    await using watch = new Watching(dev);
    const { event, attestation } = await watch.next();
    expect([event, leaseOf(attestation).sequence, leaseOf(attestation).activation]).toEqual([
      "nothing_active",
      0,
      null,
    ]);
    expect((await verified(unknownYet(root, project), attestation, null)).error).toBeNull();
    expect((await watch.next()).attestation).toBeNull();
  });

  it("brings roots that were published meanwhile one by one, before what they are needed for", async () => {
    const { project, publishRoot, dev } = await open(kind);
    await project.publish("dev", 1);
    const [second, third] = [await publishRoot(2), await publishRoot(3)];
    await using watch = new Watching(dev, { rootVersion: 1 });
    expect((await watch.next()).root).toEqual({ version: 2, envelope: second });
    expect((await watch.next()).root).toEqual({ version: 3, envelope: third });
    const first = await watch.next();
    expect([first.event, leaseOf(first.attestation).rootVersion]).toEqual(["activation", 3]);
  });

  it("brings a root to those that want it when it is published, and then a lease by it", async () => {
    const { project, publishRoot, dev } = await open(kind);
    await project.publish("dev", 1);
    await using watch = new Watching(dev, { rootVersion: 1 });
    await using other = new Watching(dev);
    expect(leaseOf((await watch.next()).attestation).rootVersion).toBe(1);
    await other.next();
    const envelope = await publishRoot(2);
    const pushed = await watch.nextChange();
    expect(pushed).toMatchObject({ event: "trust_root", sequence: 1, root: { version: 2, envelope } });
    const beat = await watch.next();
    expect([beat.event, leaseOf(beat.attestation).rootVersion]).toEqual(["heartbeat", 2]);
    // One that wants no roots hears of the lease at a heartbeat, and of nothing else.
    let told = await other.next();
    while (told.event === "heartbeat" && told.attestation === null) told = await other.next();
    expect([told.event, leaseOf(told.attestation).rootVersion]).toEqual(["heartbeat", 2]);
    await project.publish("dev", 2);
    expect(leaseOf((await watch.nextChange()).attestation)).toMatchObject({ sequence: 2, rootVersion: 2 });
  });

  it("can be polled: content, attestation, and that of each activation", async () => {
    const { project, root, dev } = await open(kind);
    await project.publish("dev", 1);
    await project.publish("dev", 2);
    const content = await dev.latestContent();
    const attestation = await dev.latestAttestation();
    const latest = await dev.latest();
    expect(content).toMatchObject({ notModified: false, sequence: 2, etag: latest.etag });
    expect(`${sha256Of(content.text)}.2`).toBe(latest.etag);
    const pack = JSON.parse(attestation.text) as AttestationView;
    expect((await verified(unknownYet(root, project), pack, content.text)).outcome).toBe("activated");
    for (const poll of ["latestContent", "latestAttestation"] as const) {
      const again = await dev[poll]({ "If-None-Match": `"${latest.etag}"` });
      expect(again).toMatchObject({ notModified: true, text: "", sequence: 2 });
    }
    expect(await dev.deploymentAttestation(latest.deploymentId)).toEqual(pack);
    const before = await deploymentBefore(dev, project);
    const past = await dev.deploymentAttestation(before);
    expect(past.lease).toBeNull();
    expect(parseActivation(payloadOf(past.activation))).toMatchObject({ sequence: 1, deploymentId: before });
  });

  it("can be polled while nothing is active", async () => {
    const { project, root, dev } = await open(kind);
    const { text, sequence, etag } = await dev.latestAttestation();
    expect([sequence, etag]).toEqual([0, ""]);
    const attestation = JSON.parse(text) as AttestationView;
    expect(leaseOf(attestation).sequence).toBe(0);
    expect((await verified(unknownYet(root, project), attestation, null)).error).toBeNull();
  });
});

async function deploymentBefore(dev: Driver, project: TestProject): Promise<string> {
  const { data } = await dev.deployments(project.place.dev);
  return data.find(({ sequence }) => sequence === 1)?.id ?? "";
}
