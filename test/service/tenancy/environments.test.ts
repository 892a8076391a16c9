import { describe, expect, it } from "vitest";
import { removeDeleted } from "../../../src/service/changes/deletions.js";
import { useServices } from "../fixture.js";

describe("environments", () => {
  const signet = useServices();
  const environments = () => signet.services.environments;
  const create = (name: string, promotesTo?: string | null, position?: number) =>
    environments().create(signet.admin, signet.projectId, {
      name,
      ...(position === undefined ? {} : { position }),
      ...(promotesTo === undefined ? {} : { promotesTo }),
    });
  const update = (name: string, promotesTo: string | null) =>
    environments().update(signet.admin, signet.path(name), { promotesTo });
  const remove = async (name: string) => {
    await environments().update(signet.admin, signet.path(name), { protected: false });
    await environments().delete(signet.admin, signet.path(name), { force: true, reason: null });
  };
  const stages = async () => {
    const { rows } = await environments().list(signet.admin, signet.projectId, undefined, 0);
    return Object.fromEntries(rows.map(({ name, promotesTo }) => [name, promotesTo]));
  };

  it("come last and promote nowhere unless they are told", async () => {
    expect(await create("qa")).toMatchObject({ position: 3, promotesTo: null, sequence: 0, lastVersion: 0 });
    expect(await create("load", "qa", 1)).toMatchObject({ position: 1, promotesTo: "qa" });
  });

  it.each([
    ["undefined", undefined, "staging"],
    ["null", null, null],
    ["a name", "prod", "prod"],
  ])("called dev promote with promotes_to %s", async (_, promotesTo, expected) => {
    await remove("dev");
    expect((await create("dev", promotesTo)).promotesTo).toBe(expected);
  });

  it("change position and next stage, each alone; null makes a last stage", async () => {
    await environments().update(signet.admin, signet.path("dev"), { position: 7 });
    expect(await signet.environment("dev")).toMatchObject({ position: 7, promotesTo: "staging" });
    await update("dev", null);
    expect(await signet.environment("dev")).toMatchObject({ position: 7, promotesTo: null });
  });

  it.each([
    ["a next stage that is not there", () => create("qa", "nowhere"), "unknown"],
    ["itself as next stage", () => create("qa", "qa"), "cycle"],
    ["an update to itself", () => update("dev", "dev"), "cycle"],
    ["an update that leads back", () => update("prod", "dev"), "cycle"],
    ["an update to what is not there", () => update("prod", "nowhere"), "unknown"],
  ])("refuse %s", async (_, work, type) => {
    const before = await signet.fingerprint();
    await expect(work()).rejects.toMatchObject({ code: "invalid", fields: [{ type }] });
    expect(await signet.fingerprint()).toEqual(before);
  });

  it("refuse a name that is taken", async () => {
    const before = await signet.fingerprint();
    await expect(create("dev")).rejects.toMatchObject({ code: "conflict" });
    expect(await signet.fingerprint()).toEqual(before);
  });

  it("refuse a cycle that a next stage closes which came later", async () => {
    await remove("staging");
    await remove("prod");
    await create("staging");
    expect(await stages()).toEqual({ dev: null, staging: "prod" });
    await expect(create("prod", "staging")).rejects.toMatchObject({ fields: [{ type: "cycle" }] });
  });

  it("never promote in a circle, not by the standard next stage either", async () => {
    await remove("dev");
    await remove("staging");
    await create("dev");
    await update("prod", "dev");
    expect(await stages()).toEqual({ dev: "staging", prod: "dev" });
    await create("staging").catch(() => null);
    const nextOf = await stages();
    const walked: string[] = [];
    for (let stage: string | null = "dev"; stage !== null; stage = nextOf[stage] ?? null) {
      expect(walked, "a stage that was left before").not.toContain(stage);
      walked.push(stage);
    }
  });

  it("that are deleted end what is held open and are nobody's next stage", async () => {
    const { principal, token } = await signet.runtime("staging");
    const { principal: other } = await signet.runtime("prod");
    const session = signet.services.sessions.open("stream", principal, token.environmentId ?? "", "a");
    const untouched = signet.services.sessions.open("stream", other, other.environmentId ?? "", "a");
    await remove("staging");
    expect(session.signal.reason).toMatchObject({ code: "not_found" });
    expect(untouched.signal.aborted).toBe(false);
    expect(await stages()).toEqual({ dev: null, prod: null });
    await expect(signet.environment("staging")).rejects.toMatchObject({ code: "not_found" });
    expect(await signet.store.read.tokenByHash(token.hash)).toBeNull();
  });

  it("that are made again continue its numbers and give nothing else of the old one back", async () => {
    await signet.publish("dev", { n: 1 });
    const { id } = await signet.environment("dev");
    await remove("dev");
    const made = await create("dev");
    expect(made.id).not.toBe(id);
    expect(made).toMatchObject({ activeVersion: null, lastVersion: 1, sequence: 1 });
    await removeDeleted(signet.store);
    expect(await signet.count("bundles")).toBe(0);
  });

  it("of another organization's project are not there", async () => {
    const foreigner = await signet.foreigner();
    const before = await signet.fingerprint();
    const attempts = [
      () => environments().create(foreigner, signet.projectId, { name: "qa", promotesTo: null }),
      () => environments().update(foreigner, signet.path("dev"), { promotesTo: null }),
      () => environments().delete(foreigner, signet.path("dev")),
      () => environments().get(foreigner, signet.path("dev")),
    ];
    for (const attempt of attempts) {
      await expect(attempt()).rejects.toMatchObject({ code: "not_found", message: "project not found" });
    }
    expect(await signet.fingerprint()).toEqual(before);
  });
});
