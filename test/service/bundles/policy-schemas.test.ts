import { describe, expect, it } from "vitest";
import { useServices } from "../fixture.js";
import { createFanOut, toAll } from "../pipelines/pipeline-fixture.js";

const LIMIT = JSON.stringify({ type: "object", properties: { limit: { type: "integer" } } });
const misfit = { code: "invalid", fields: [{ loc: ["body", "policies", "limit"], msg: "must be integer" }] };

describe("the schema of a project", () => {
  const signet = useServices();
  const schemas = () => signet.services.policySchemas;
  const set = (text: string) => schemas().set(signet.admin, signet.projectId, text);

  it("is kept as it was sent, replaced, and deleted; each is audited once", async () => {
    const text = ` ${LIMIT}\n`;
    const made = await set(text);
    expect(made).toMatchObject({ text, hash: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string });
    expect(await set(text)).toEqual(made);
    const { principal } = await signet.runtime("dev");
    expect(await schemas().get(principal, signet.projectId)).toEqual(made);
    await set("{}");
    await schemas().delete(signet.admin, signet.projectId);
    await expect(schemas().get(signet.admin, signet.projectId)).rejects.toMatchObject({ message: "schema not found" });
    await expect(schemas().delete(signet.admin, signet.projectId)).rejects.toMatchObject({ code: "not_found" });
    const actions = (await signet.actions()).filter((action) => action.startsWith("schema."));
    expect(actions).toEqual(["schema.updated", "schema.updated", "schema.deleted"]);
  });

  it("is another organization's as little as one that is not there", async () => {
    await set(LIMIT);
    const foreigner = await signet.foreigner();
    for (const work of [
      () => schemas().get(foreigner, signet.projectId),
      () => schemas().set(foreigner, signet.projectId, "{}"),
      () => schemas().delete(foreigner, signet.projectId),
    ])
      await expect(work()).rejects.toMatchObject({ code: "not_found", message: "project not found" });
  });

  it("goes with its project", async () => {
    await set(LIMIT);
    await signet.services.projects.delete(signet.admin, signet.projectId);
    expect(await signet.count("policy_schemas")).toBe(0);
  });

  it("is refused when it is too large, and takes no other's place", async () => {
    await set(LIMIT);
    await expect(set(`{"title":"${"x".repeat(256 * 1024)}"}`)).rejects.toMatchObject({ code: "too_large" });
    await expect(set('{"type":1}')).rejects.toMatchObject({ code: "invalid" });
    expect((await schemas().get(signet.admin, signet.projectId)).text).toBe(LIMIT);
  });

  it("is demanded of what is published, promoted and previewed, and not of what is activated", async () => {
    const fan = await createFanOut(signet, 1);
    await signet.publish("dev", { limit: "none" });
    await signet.publish("dev", { limit: 1 });
    await signet.activate("dev", 1);
    const artifact = await signet.services.artifacts.create(signet.change(), {
      ...{ projectId: signet.projectId, policies: '{"limit":"none"}', name: null, mediaType: null },
    });
    await set(LIMIT);
    const before = await signet.fingerprint();
    const dry = signet.change({ dryRun: true });
    const { pipelinePromotion, artifactPromotions } = signet.services;
    for (const caller of [signet.change(), dry]) {
      await expect(signet.publish("dev", { limit: "2" }, caller)).rejects.toMatchObject(misfit);
      // What is active already is no exception.
      const skip = { ...caller, skipUnchanged: true };
      await expect(signet.publish("dev", { limit: "none" }, skip)).rejects.toMatchObject(misfit);
      await expect(signet.promote("dev", caller)).rejects.toMatchObject(misfit);
      await expect(pipelinePromotion.promote(caller, toAll(fan))).rejects.toMatchObject(misfit);
    }
    const about = { title: null, description: null, reason: null };
    await expect(artifactPromotions.promote(signet.change(), artifact.id, about)).rejects.toMatchObject(misfit);
    expect(await signet.fingerprint()).toEqual(before);

    await signet.activate("dev", 2);
    await signet.activate("dev", 1);
    await signet.publish("dev", { limit: 2 });
    await signet.promote("dev");
    await pipelinePromotion.promote(signet.change(), toAll(fan));
  });

  it("that changes while a content is signed is the one that counts", async () => {
    let isFirst = true;
    signet.moments.beforeBundleSignature = async () => {
      if (!isFirst) return;
      isFirst = false;
      await set(LIMIT);
    };
    await expect(signet.publish("dev", { limit: "none" })).rejects.toMatchObject(misfit);
    expect(await signet.count("bundles")).toBe(0);
  });

  it("whose pattern backtracks without end costs its own project seconds, and the thread is replaced", async () => {
    await set(JSON.stringify({ properties: { name: { pattern: "^(a|a)*$" } } }));
    const evil = { name: `${"a".repeat(40)}!` };
    await expect(signet.publish("dev", evil)).rejects.toMatchObject({
      ...{ code: "invalid", fields: [{ loc: ["body", "policies"], type: "schema_too_costly" }] },
    });
    expect(await signet.publish("dev", { name: "a" })).toMatchObject({ bundle: { version: 1 } });
  });

  it("that repeats itself a billion times is refused when policies are checked", async () => {
    const $defs = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => {
        const next = { $ref: `#/$defs/d${n + 1}` };
        return [`d${n}`, n === 39 ? { type: "object" } : { allOf: [next, next] }];
      }),
    );
    await set(JSON.stringify({ $ref: "#/$defs/d0", $defs }));
    await expect(signet.publish("dev", {})).rejects.toMatchObject({
      ...{ code: "invalid", fields: [{ type: "schema_too_costly" }] },
    });
  });
});
