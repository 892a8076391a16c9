import { describe, expect, it } from "vitest";
import { removeDeleted } from "../../../src/service/changes/deletions.js";
import type { AppError } from "../../../src/core/error.js";
import type { ArtifactTitle } from "../../../src/service/bundles/artifact-promotion.js";
import { useServices } from "../fixture.js";

const NOBODY = "00000000-0000-4000-8000-000000000000";
const UNTITLED: ArtifactTitle = { title: null, description: null, reason: null };

describe("source artifacts", () => {
  const signet = useServices();
  const create = (policies: string, change = {}, caller = signet.change()) =>
    signet.services.artifacts.create(caller, {
      ...{ projectId: signet.projectId, policies, name: null, mediaType: null, ...change },
    });
  const promote = (id: string, about = UNTITLED, caller = signet.change()) =>
    signet.services.artifactPromotions.promote(caller, id, about);

  it("are drafts that touch no environment, kept with their content and in the audit", async () => {
    const made = await create('{"n":1}', { name: "first" });
    expect(made).toMatchObject({ name: "first", mediaType: "application/json", promotion: null });
    const { artifact, content } = await signet.services.artifacts.get(signet.admin, made.id.toUpperCase());
    expect({ artifact, policies: content.policies }).toEqual({ artifact: made, policies: '{"n":1}' });
    expect(await signet.environment("dev")).toMatchObject({ lastVersion: 0 });
    expect((await signet.actions()).at(-1)).toBe("artifact.created");
  });

  it.each([
    "application/yaml",
    "Application/YAML",
    "application/x-yaml",
    "text/yaml",
    "text/x-yaml",
    "application/a.b+yaml",
  ])("take YAML as %s and keep JSON", async (mediaType) => {
    const made = await create(JSON.stringify('limit: 1.50 # of all\nlist: ["yes", ~]\n'), { mediaType });
    const { content } = await signet.services.artifacts.get(signet.admin, made.id);
    expect(content.policies).toBe('{"limit":1.5,"list":["yes",null]}');
    expect(made.mediaType).toBe(mediaType.toLowerCase());
  });

  it.each([
    ["no object", "[1]", {}, "policies", "type"],
    ["a string without a YAML media type", '"a: 1"', {}, "policies", "type"],
    ["an object with one", '{"a":1}', { mediaType: "text/yaml" }, "policies", "type"],
    ["a number that a double cannot hold", '{"n":9007199254740993}', {}, "policies", "integer_precision"],
    ["such a number in YAML", '"k: 9007199254740993"', { mediaType: "text/yaml" }, "policies", "integer_precision"],
    ["what YAML 1.1 reads otherwise", '"a: no"', { mediaType: "text/yaml" }, "policies", "yaml"],
    ["an alias", '"a: &x 1\\nb: *x"', { mediaType: "text/yaml" }, "policies", "yaml"],
    ["a tag", '"a: !!binary aGk="', { mediaType: "text/yaml" }, "policies", "yaml"],
    ["duplicate key", '"a: 1\\na: 2"', { mediaType: "text/yaml" }, "policies", "yaml"],
    ["a YAML list", '"- 1"', { mediaType: "text/yaml" }, "policies", "type"],
    ["too many levels", `"${"[".repeat(70)}${"]".repeat(70)}"`, { mediaType: "text/yaml" }, "policies", "depth"],
    ["another media type", "{}", { mediaType: "text/plain" }, "media_type", "media_type"],
    ["parameters in it", "{}", { mediaType: "application/json; charset=utf-8" }, "media_type", "media_type"],
  ])("refuse %s, and keep nothing", async (_, policies, change, field, type) => {
    const before = await signet.fingerprint();
    const refused = (await create(policies, change).catch((thrown: unknown) => thrown)) as AppError;
    expect(refused).toMatchObject({ code: "invalid", fields: [{ type }] });
    expect(refused.fields[0]?.loc.slice(0, 2)).toEqual(["body", field]);
    expect(await signet.fingerprint()).toEqual(before);
  });

  it("keep a content once, for as long as something needs it", async () => {
    const { artifacts, bundles, publishing, projects } = signet.services;
    const [one, two] = [await create('{"n":1}'), await create('{ "n": 1 }')];
    expect(await signet.count("contents")).toBe(1);
    await artifacts.delete(signet.admin, one.id);
    expect(await signet.count("contents")).toBe(1);
    await promote(two.id);
    await signet.publish("dev", { n: 2 });
    // The bundle goes, the artifact still has it.
    await bundles.delete(signet.admin, signet.path("dev"), 1);
    expect((await artifacts.get(signet.admin, two.id)).content.policies).toBe('{"n":1}');
    await artifacts.delete(signet.admin, two.id);
    expect(await signet.count("contents")).toBe(1);

    const { project } = await projects.create(signet.admin, "doomed");
    const doomed = { projectId: project.id };
    await create('{"only":"there"}', doomed);
    await create('{"n":2}', doomed);
    await create('{"both":1}', doomed);
    const input = { ...{ policies: '{"both":1}', scopePolicies: null, publishedBy: null }, ...UNTITLED };
    const path = { projectId: project.id, envName: "prod" };
    await publishing.publish(signet.change(), path, {
      ...input,
      mediaType: "application/json",
      labels: {},
      source: null,
      activate: true,
      release: null,
    });
    expect(await signet.count("contents")).toBe(3);
    await signet.unprotect(path);
    await projects.delete(signet.admin, project.id);
    await removeDeleted(signet.store);
    expect([await signet.count("contents"), await signet.count("source_artifacts")]).toEqual([1, 0]);
  });

  it("of an environment that is deleted keep their content", async () => {
    const made = await create('{"n":1}');
    await promote(made.id);
    await signet.services.environments.delete(signet.admin, signet.path("dev"));
    expect((await signet.services.artifacts.get(signet.admin, made.id)).content.policies).toBe('{"n":1}');
  });

  it("are promoted to the first environment, with title and description, as one bundle whatever happens", async () => {
    const made = await create('{"n":1}', { name: "draft" });
    await signet.services.environments.update(signet.admin, signet.path("dev"), { position: 7 });
    const about = { title: "T", description: "D" };
    const answers = await Promise.all(Array.from({ length: 8 }, () => promote(made.id, { ...about, reason: null })));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]?.state).toMatchObject({
      ...{ isActive: true, sequence: 1 },
      bundle: { environment: "staging", version: 1, ...about, origin: "publish", contentId: made.contentId },
    });
    expect(await signet.environment("staging")).toMatchObject({ lastVersion: 1, sequence: 1 });
    const actions = await signet.actions();
    expect(actions.filter((action) => action === "artifact.promoted")).toHaveLength(1);
    expect(actions.slice(-2)).toEqual(["bundle.published", "artifact.promoted"]);
    const events = await signet.store.read.eventsToFanOut(100);
    expect(events.map(({ type }) => type).slice(-2)).toEqual(["bundle.published", "artifact.promoted"]);
    expect((JSON.parse(events.at(-1)?.body ?? "{}") as { data: unknown }).data).toMatchObject({
      ...{ artifact_id: made.id, name: "draft", environment: "staging", version: 1, sequence: 1 },
    });
    // Whatever became of it since.
    await signet.publish("staging", { n: 2 });
    await signet.services.bundles.delete(signet.admin, signet.path("staging"), 1);
    expect(await promote(made.id, { title: "other", description: null, reason: null })).toEqual(answers[0]);
    expect(await signet.environment("staging")).toMatchObject({ lastVersion: 2 });
    expect((await signet.services.artifacts.get(signet.admin, made.id)).artifact.promotion).not.toBeNull();
  });

  it("go to the environment that is first in the end", async () => {
    const made = await create('{"n":1}');
    signet.moments.beforeBundleSignature = async () => {
      signet.moments.beforeBundleSignature = () => {};
      await signet.services.environments.delete(signet.admin, signet.path("dev"));
    };
    expect((await promote(made.id)).state.bundle).toMatchObject({ environment: "staging", version: 1 });
  });

  it("are not promoted without an environment, beyond the quota, past an If-Match or a limit, nor when they are gone", async () => {
    const { artifacts, organizations, environments } = signet.services;
    const made = await create('{"n":1}');
    await signet.publish("dev");
    const refuse = async (work: () => Promise<unknown>, expected: object) => {
      const before = await signet.fingerprint();
      await expect(work()).rejects.toMatchObject(expected);
      expect(await signet.fingerprint()).toEqual(before);
    };
    await refuse(() => promote(made.id, UNTITLED, signet.change({ ifSequence: 0 })), { code: "precondition_failed" });
    await organizations.update(signet.admin, signet.orgId, { versionsPerEnvironment: 1 });
    await refuse(() => promote(made.id), { code: "quota_exceeded" });
    await organizations.update(signet.admin, signet.orgId, { versionsPerEnvironment: null });
    const narrow = signet.change({ principal: await signet.ci(["staging"]) });
    await refuse(() => promote(made.id, UNTITLED, narrow), { code: "forbidden" });
    await signet.unprotect(signet.path("prod"));
    for (const name of ["dev", "staging", "prod"]) await environments.delete(signet.admin, signet.path(name));
    await expect(promote(made.id)).rejects.toMatchObject({ code: "no_target" });
    await artifacts.delete(signet.admin, made.id);
    await expect(promote(made.id)).rejects.toMatchObject({ code: "not_found", message: "artifact not found" });
    await expect(promote("example_string")).rejects.toMatchObject({ code: "not_found" });
  });

  it("answer a retry with the same Idempotency-Key", async () => {
    const caller = signet.change({ idempotencyKey: "draft-1" });
    const made = await create('{"n":1}', {}, caller);
    expect(await create('{"n":1}', {}, caller)).toEqual(made);
    expect(await signet.count("source_artifacts")).toBe(1);
    await expect(create('{"n":2}', {}, caller)).rejects.toMatchObject({ fields: [{ type: "idempotency_key_reused" }] });
    const answer = await promote(made.id, UNTITLED, caller);
    expect(await promote(made.id, UNTITLED, caller)).toEqual(answer);
  });

  it("are seen by admins and ci tokens of the project; by runtime tokens and strangers not at all", async () => {
    const { artifacts, projects } = signet.services;
    const made = await create('{"n":1}');
    const { project } = await projects.create(signet.admin, "other");
    const foreign = await create('{"n":2}', { projectId: project.id });
    await promote(made.id);
    const all = { projectId: undefined, status: undefined };
    const seen = async (caller = signet.admin, filter = {}) => {
      const { rows, total } = await artifacts.list(caller, { ...all, ...filter }, undefined, 0);
      expect(total).toBe(rows.length);
      return rows.map(({ id }) => id).sort();
    };
    const ci = await signet.ci();
    const { principal: runtime } = await signet.runtime("dev");
    const stranger = await signet.foreigner();
    expect(await seen()).toEqual([made.id, foreign.id].sort());
    expect(await seen(signet.admin, { projectId: project.id })).toEqual([foreign.id]);
    expect(await seen(signet.admin, { status: "promoted" })).toEqual([made.id]);
    expect(await seen(signet.admin, { status: "draft" })).toEqual([foreign.id]);
    expect(await seen(ci)).toEqual([made.id]);
    expect(await seen(runtime)).toEqual([]);
    expect(await seen(stranger)).toEqual([]);
    await expect(seen(ci, { projectId: project.id })).rejects.toMatchObject({ code: "not_found" });
    const absent = await artifacts.get(ci, NOBODY).catch((thrown: unknown) => thrown);
    for (const [caller, id] of [
      [ci, foreign.id],
      [runtime, made.id],
      [stranger, made.id],
    ] as const) {
      await expect(artifacts.get(caller, id)).rejects.toEqual(absent);
      await expect(artifacts.delete(caller, id)).rejects.toEqual(absent);
      await expect(promote(id, UNTITLED, signet.change({ principal: caller }))).rejects.toEqual(absent);
    }
    const elsewhere = create("{}", { projectId: project.id }, signet.change({ principal: ci }));
    await expect(elsewhere).rejects.toMatchObject({ code: "not_found", message: "project not found" });
  });
});
