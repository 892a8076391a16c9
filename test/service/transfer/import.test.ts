import { describe, expect, it } from "vitest";
import { parsePublicKey } from "../../../src/bundle/keys.js";
import { verifyDocument } from "../../../src/bundle/verify-bundle.js";
import { envelopeKeyId, parseEnvelope, signEnvelope } from "../../../src/bundle/envelope/dsse.js";
import { PROVENANCE_TYPE, setDigest } from "../../../src/bundle/envelope/provenance.js";
import { OPA_POLICIES } from "../../../src/core/bundle.js";
import type { ChangeRequest } from "../../../src/service/access/caller.js";
import { documentOf } from "../../../src/service/bundles/bundle-verifier.js";
import type { ExportedBundle } from "../../../src/service/transfer/exporting.js";
import type { ImportInput } from "../../../src/service/transfer/importing.js";
import { publishInput, useServices, type Fixture } from "../fixture.js";

const ALONE = { digest: null, position: null, size: null };

describe("export and import", () => {
  const there = useServices();
  const here = useServices();

  const exported = (version: number, env = "dev") =>
    there.services.exporting.export(there.admin, there.path(env), version, ALONE);
  const trust = (fixture: Fixture = here) =>
    fixture.services.trustedOrigins.create(fixture.admin, "hq", [there.data.keys.bundles.publicKeyPem]);

  async function importHere(
    { document, provenance }: ExportedBundle,
    more: Partial<ImportInput> & { env?: string; caller?: Partial<ChangeRequest> } = {},
  ) {
    const { env = "prod", caller, ...input } = more;
    return await here.services.importing.import(here.change(caller), here.path(env), {
      ...{ document, provenance, activate: false, dryRun: false, reason: null, importedBy: null },
      ...input,
    });
  }

  async function refusedLeaving(work: () => Promise<unknown>, expected: object): Promise<void> {
    const before = await here.fingerprint();
    await expect(work()).rejects.toMatchObject(expected);
    expect(await here.fingerprint()).toEqual(before);
    expect(await here.count("bundle_imports")).toBe(0);
  }

  it("publishes the content as the next version of the site, signed by it, and keeps the original", async () => {
    await trust();
    const input = publishInput({
      policies: '{"a":1.0,"b":[1e-7]}',
      title: "T",
      labels: { a: "b" },
      publishedBy: "alice",
    });
    const original = await there.services.publishing.publish(there.change(), there.path("dev"), input);
    const carried = await exported(1);
    await here.publish("prod");
    const { state, alreadyImported, versionsLeft, origin } = await importHere(carried, { importedBy: "bob" });
    expect({ alreadyImported, versionsLeft }).toEqual({ alreadyImported: false, versionsLeft: null });
    expect(state).toMatchObject({
      isActive: false,
      sequence: null,
      bundle: { version: 2, origin: "import", title: "T" },
    });
    expect(state?.bundle).toMatchObject({
      publishedBy: "bob",
      labels: { a: "b" },
      policyHash: original.bundle.policyHash,
    });
    expect(origin).toMatchObject({ originName: "hq", keyId: there.data.keys.bundles.keyId });

    const document = await here.services.bundles.document(here.admin, here.path("prod"), 2);
    const ours = [parsePublicKey(here.data.keys.bundles.publicKeyPem)];
    await verifyDocument(document, ours, { orgId: here.orgId, projectId: here.projectId, environment: "prod" });

    const kept = await here.services.origins.get(here.admin, here.path("prod"), 2);
    expect(kept).toMatchObject({ document: carried.document, provenance: carried.provenance });
    expect(kept.origin.provenance.bundle).toMatchObject({ version: 1, publishedBy: "alice", isActive: true });
    expect(kept.origin.provenance.deployments).toMatchObject([{ sequence: 1, kind: "publish", fromVersion: null }]);
    expect((await here.actions()).at(-1)).toBe("bundle.imported");
    expect(await here.count("outbox_events")).toBe(2);
    await expect(here.services.origins.get(here.admin, here.path("prod"), 1)).rejects.toMatchObject({
      code: "not_found",
      message: "version 1 was not imported",
    });
  });

  it("exports the same bytes again, and what was imported can be exported in turn", async () => {
    await trust();
    await there.publish("dev", { n: 1 });
    const carried = await exported(1);
    expect(await exported(1)).toEqual(carried);
    await importHere(carried, { activate: true });
    const onward = await here.services.exporting.export(here.admin, here.path("prod"), 1, ALONE);
    expect(onward.document).toContain(here.data.keys.bundles.keyId);
  });

  it("activates when asked, with its own kind", async () => {
    await trust();
    await there.publish("dev", { n: 1 });
    const { state } = await importHere(await exported(1), { activate: true, reason: "INC-7" });
    expect(state).toMatchObject({ isActive: true, sequence: 1 });
    const { rows } = await here.services.bundles.deployments(here.admin, here.path("prod"), undefined, 0);
    expect(rows).toMatchObject([{ kind: "import", version: 1, sequence: 1 }]);
    const { rows: events } = await here.services.audit.list({ orgId: here.orgId, limit: 1 });
    expect(events[0]).toMatchObject({
      action: "bundle.imported",
      metadata: { origin: "hq", origin_version: 1, reason: "INC-7", active: true },
    });
  });

  it("imports one document once, and again after the version was deleted", async () => {
    await trust();
    await there.publish("dev", { n: 1 });
    const carried = await exported(1);
    await importHere(carried);
    const before = await here.fingerprint();
    const again = await importHere(carried, { activate: true });
    expect(again).toMatchObject({ alreadyImported: true, state: { isActive: false, bundle: { version: 1 } } });
    expect(await here.fingerprint()).toEqual(before);
    const both = await Promise.all([importHere(carried, { env: "dev" }), importHere(carried, { env: "dev" })]);
    expect(both.map(({ alreadyImported }) => alreadyImported).sort()).toEqual([false, true]);
    await here.services.bundles.delete(here.admin, here.path("prod"), 1);
    expect(await importHere(carried)).toMatchObject({ alreadyImported: false, state: { bundle: { version: 2 } } });
  });

  it("writes nothing in a dry run, and refuses what the import would refuse", async () => {
    await trust();
    await there.publish("dev", { n: 1 });
    const carried = await exported(1);
    const before = await here.fingerprint();
    expect(await importHere(carried, { dryRun: true })).toMatchObject({ state: null, alreadyImported: false });
    expect(await here.fingerprint()).toEqual(before);
    await refusedLeaving(() => importHere(carried, { dryRun: true, caller: { ifSequence: 3 } }), {
      code: "precondition_failed",
    });
    await here.publish("prod");
    await here.services.bundles.activate(here.change(), here.path("prod"), 1, { hold: true, reason: null });
    await refusedLeaving(() => importHere(carried, { dryRun: true, activate: true }), { reason: "held" });
    await refusedLeaving(() => importHere(carried, { activate: true }), { reason: "held" });
    await here.services.organizations.update(here.admin, here.orgId, { versionsPerEnvironment: 1 });
    await refusedLeaving(() => importHere(carried, { dryRun: true }), { code: "quota_exceeded" });
    await refusedLeaving(() => importHere(carried), { code: "quota_exceeded" });
  });

  it("refuses policies that do not fit the schema of the project here, in a dry run too", async () => {
    await trust();
    await there.publish("dev", { n: 1 });
    const carried = await exported(1);
    const schema = JSON.stringify({ properties: { n: { type: "string" } } });
    await here.services.policySchemas.set(here.admin, here.projectId, schema);
    const refusal = { code: "invalid", fields: [expect.objectContaining({ loc: ["body", "policies", "n"] })] };
    await refusedLeaving(() => importHere(carried, { dryRun: true }), refusal);
    await refusedLeaving(() => importHere(carried), refusal);
    await here.services.policySchemas.delete(here.admin, here.projectId);
    expect((await importHere(carried)).state?.bundle.version).toBe(1);
  });

  it("rewrites scope policies that name the exporting environment, and keeps the original to the byte", async () => {
    await trust();
    const input = publishInput({ scopePolicies: '{"t:a:g:dev":{"n":1},"t:a:g:*":{"n":2}}' });
    await there.services.publishing.publish(there.change(), there.path("dev"), input);
    const carried = await exported(1);
    const { state, scopePoliciesRewritten } = await importHere(carried);
    expect(scopePoliciesRewritten).toBe(true);
    expect(documentOf(state!.bundle, (await here.store.read.content(state!.bundle.contentId))!)).toContain(
      '"t:a:g:prod":{"n":1}',
    );
    expect((await here.services.origins.get(here.admin, here.path("prod"), 1)).document).toBe(carried.document);
    expect((await importHere(carried, { env: "dev" })).scopePoliciesRewritten).toBe(false);
  });

  it("imports what an older key signed, because the current one vouches for it", async () => {
    await there.publish("dev", { n: 1 });
    const old = there.data.keys.bundles.keyId;
    await there.services.organizations.update(there.admin, there.orgId, {}).catch(() => undefined);
    await there.services.environments.update(there.admin, there.path("dev"), { signingKey: "environment" });
    await there.publish("dev", { n: 2 });
    const environment = await there.environment("dev");
    const current = there.data.keys.derive("bundles", { orgId: there.orgId, environmentId: environment.id });
    await here.services.trustedOrigins.create(here.admin, "hq", [current.publicKeyPem]);
    const { state, origin } = await importHere(await exported(1));
    expect(state?.bundle.version).toBe(1);
    expect(origin.keyId).toBe(current.keyId);
    expect((await here.services.origins.get(here.admin, here.path("prod"), 1)).document).toContain(old);
  });

  describe("refuses", () => {
    const carriedOf = async () => {
      await there.publish("dev", { n: 1 });
      return await exported(1);
    };
    const untrusted = { code: "invalid", reason: "untrusted_origin" };
    const notVerified = { code: "invalid", reason: "not_verified" };

    it("an unknown key, and one that only another organization trusts", async () => {
      const carried = await carriedOf();
      await refusedLeaving(() => importHere(carried), untrusted);
      const foreign = await here.foreigner();
      await here.services.trustedOrigins.create(foreign, "hq", [there.data.keys.bundles.publicKeyPem]);
      await refusedLeaving(() => importHere(carried), untrusted);
    });

    it("a key that is trusted no more, and keeps what was imported", async () => {
      const { id } = await trust();
      const carried = await carriedOf();
      await importHere(carried);
      await here.services.trustedOrigins.delete(here.admin, id);
      await expect(importHere(carried)).rejects.toMatchObject(untrusted);
      expect((await here.services.origins.get(here.admin, here.path("prod"), 1)).document).toBe(carried.document);
    });

    it("a document with a changed byte, one of another export, and one in another form", async () => {
      await trust();
      const carried = await carriedOf();
      await there.publish("dev", { n: 2 });
      const other = await exported(2);
      const changed = [
        carried.document.replace('"n":1', '"n":2'),
        `${carried.document} `,
        other.document,
        JSON.stringify(JSON.parse(carried.document), null, 1),
      ];
      for (const document of changed) await refusedLeaving(() => importHere({ ...carried, document }), notVerified);
    });

    it("policies that a trusted origin calls Rego and are not", async () => {
      await trust();
      const carried = await carriedOf();
      const { payload } = parseEnvelope(carried.provenance, { maxLength: 1e6, maxSignatures: 4 });
      const said = JSON.parse(Buffer.from(payload).toString()) as { type: string; bundle: object };
      const { bundles } = there.data.keys;
      const called = { ...said, type: "signet-export/2", bundle: { ...said.bundle, media_type: OPA_POLICIES } };
      const bytes = new TextEncoder().encode(JSON.stringify(called));
      const provenance = await signEnvelope(PROVENANCE_TYPE, bytes, bundles, parsePublicKey(bundles.publicKeyPem));
      const fields = expect.arrayContaining([
        expect.objectContaining({ loc: ["body", "policies", "files"] }),
      ]) as object;
      await refusedLeaving(() => importHere({ ...carried, provenance }), { code: "invalid", fields });
    });

    it("an envelope of another type, without signature, with a changed payload, or too long", async () => {
      await trust();
      const carried = await carriedOf();
      const { payload } = parseEnvelope(carried.provenance, { maxLength: 1e6, maxSignatures: 4 });
      const { bundles } = there.data.keys;
      const key = parsePublicKey(bundles.publicKeyPem);
      const envelope = JSON.parse(carried.provenance) as { payload: string; signatures: object[] };
      const release = await signEnvelope("application/vnd.in-toto+json", payload, bundles, key);
      const garbage = await signEnvelope(PROVENANCE_TYPE, new TextEncoder().encode("{}"), bundles, key);
      const cases: [string, object][] = [
        [release, notVerified],
        [garbage, notVerified],
        [JSON.stringify({ ...envelope, signatures: [] }), untrusted],
        [JSON.stringify({ ...envelope, payload: `${envelope.payload.slice(0, -4)}AAAA` }), untrusted],
        [
          JSON.stringify({ ...envelope, signatures: Array.from({ length: 5 }, () => envelope.signatures[0]) }),
          notVerified,
        ],
        [JSON.stringify({ ...envelope, more: "x".repeat(600_000) }), notVerified],
        ["[]", notVerified],
      ];
      for (const [provenance, expected] of cases) {
        await refusedLeaving(() => importHere({ ...carried, provenance }), expected);
      }
    });

    it("a provenance that the trusted key signed about another environment's document", async () => {
      await trust();
      const carried = await carriedOf();
      await there.publish("staging", { n: 1 });
      const staging = await exported(1, "staging");
      await refusedLeaving(() => importHere({ ...carried, document: staging.document }), notVerified);
    });

    it("an environment that the token may not change, and one that is not there", async () => {
      await trust();
      const carried = await carriedOf();
      const principal = await here.ci(["dev"]);
      await refusedLeaving(() => importHere(carried, { caller: { principal } }), { code: "forbidden" });
      await refusedLeaving(() => importHere(carried, { env: "nosuch" }), { code: "not_found" });
    });
  });

  it("finds a kept original that was changed", async () => {
    await trust();
    await there.publish("dev", { n: 1 });
    await importHere(await exported(1));
    await here.tamper(`update bundle_imports set document = replace(document, '"dev"', '"fab"')`);
    await expect(here.services.origins.get(here.admin, here.path("prod"), 1)).rejects.toMatchObject({
      code: "data_loss",
    });
  });

  it("signs the set that the caller names, and refuses half a set", async () => {
    await there.publish("dev", { n: 1 });
    const digest = setDigest(["0".repeat(64)]);
    const set = { digest, position: 2, size: 3 };
    const { exporting } = there.services;
    const { provenance } = await exporting.export(there.admin, there.path("dev"), 1, set);
    const { payload, signatures } = parseEnvelope(provenance, { maxLength: 1e6, maxSignatures: 1 });
    expect(JSON.parse(new TextDecoder().decode(payload))).toMatchObject({ set });
    const key = parsePublicKey(there.data.keys.bundles.publicKeyPem);
    expect(signatures[0]?.keyid).toBe(envelopeKeyId(key));
    for (const part of [
      { ...set, size: null },
      { ...set, position: 4 },
    ]) {
      await expect(exporting.export(there.admin, there.path("dev"), 1, part)).rejects.toMatchObject({
        code: "invalid",
      });
    }
  });

  it("exports nothing that is damaged", async () => {
    await there.publish("dev", { n: 1 });
    await there.reopen();
    await there.tamper(`update contents set policies = '{"n":2}'`);
    await expect(exported(1)).rejects.toMatchObject({ code: "data_loss" });
  });
});

describe("trusted origins", () => {
  const signet = useServices();

  it("are added, listed by name and removed, each with an audit event", async () => {
    const pem = signet.data.keys.bundles.publicKeyPem;
    const { trustedOrigins } = signet.services;
    const { id } = await trustedOrigins.create(signet.admin, "b", [pem, pem]);
    await trustedOrigins.create(signet.admin, "a", [signet.data.keys.audit.publicKeyPem]);
    const { rows, total } = await trustedOrigins.list(signet.admin, { limit: 1, offset: 0 });
    expect({ names: rows.map(({ name }) => name), total }).toEqual({ names: ["a"], total: 2 });
    for (const [name, keys, code] of [
      ["b", [signet.data.keys.webhooks.publicKeyPem], "conflict"],
      ["c", [pem], "conflict"],
      ["c", ["no key"], "invalid"],
    ] as const) {
      await expect(trustedOrigins.create(signet.admin, name, keys)).rejects.toMatchObject({ code });
    }
    const foreign = await signet.foreigner();
    await expect(trustedOrigins.delete(foreign, id)).rejects.toMatchObject({ code: "not_found" });
    await trustedOrigins.delete(signet.admin, id);
    await expect(trustedOrigins.delete(signet.admin, id)).rejects.toMatchObject({ code: "not_found" });
    const actions = (await signet.actions()).filter((action) => action.startsWith("trusted_origin"));
    expect(actions).toEqual(["trusted_origin.created", "trusted_origin.created", "trusted_origin.deleted"]);
  });
});
