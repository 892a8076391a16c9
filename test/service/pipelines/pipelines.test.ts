import { describe, expect, it } from "vitest";
import type { PipelineInput } from "../../../src/service/pipelines/pipelines.js";
import { publishInput, useServices } from "../fixture.js";
import { createFanOut, toAll } from "./pipeline-fixture.js";

const NOBODY = "00000000-0000-4000-8000-000000000000";

describe("pipelines", () => {
  const signet = useServices();
  const input = (change: Partial<PipelineInput> = {}): PipelineInput => ({
    ...{ displayName: "main", type: "trunk", projectId: null, ...change },
  });
  const names = async (id: string) => {
    const { stages } = await signet.services.pipelines.get(signet.admin, id);
    expect(stages.map(({ stage }) => stage.order)).toEqual(stages.map((_, index) => index));
    return stages.map(({ stage }) => stage.displayName);
  };

  it("are made with Development and Production, and audited", async () => {
    const { pipelines } = signet.services;
    const made = await pipelines.create(signet.admin, input());
    expect(made.stages.map(({ stage }) => [stage.displayName, stage.type, stage.order])).toEqual([
      ["Development", "standard", 0],
      ["Production", "prod", 1],
    ]);
    expect(await pipelines.get(signet.admin, made.pipeline.id)).toEqual(made);
    expect(await pipelines.list(signet.admin, undefined, 0)).toMatchObject({
      total: 1,
      rows: [made.pipeline],
      limit: 25,
    });
    expect((await signet.actions()).at(-1)).toBe("pipeline.created");
  });

  it("take stages anywhere: later ones shift up, and down again when one goes", async () => {
    const { pipelines, pipelineStages } = signet.services;
    const { pipeline, stages } = await pipelines.create(signet.admin, input());
    const add = (displayName: string, insertBefore: number) =>
      pipelineStages.create(signet.admin, pipeline.id, { displayName, insertBefore, branch: null });
    expect((await add("Staging", 1)).order).toBe(1);
    expect((await add("First", 0)).order).toBe(0);
    expect((await add("Last", 50)).order).toBe(4);
    expect(await names(pipeline.id)).toEqual(["First", "Development", "Staging", "Production", "Last"]);
    await pipelineStages.delete(signet.admin, pipeline.id, stages[0]?.stage.id ?? "");
    expect(await names(pipeline.id)).toEqual(["First", "Staging", "Production", "Last"]);
    for (let count = 4; count < 51; count += 1) await add(`${count}`, 50);
    await expect(add("One too many", 0)).rejects.toMatchObject({ code: "quota_exceeded" });
  });

  it("change name, type, project and the order of stages, all or nothing", async () => {
    const { pipelines, pipelineStages } = signet.services;
    const { pipeline, stages } = await pipelines.create(signet.admin, input());
    const [dev = "", prod = ""] = stages.map(({ stage }) => stage.id);
    const staging = { displayName: "Staging", insertBefore: 1, branch: "staging" };
    const { id: middle } = await pipelineStages.create(signet.admin, pipeline.id, staging);
    signet.clock.advanceSeconds(60);
    const change = { displayName: "renamed", type: "branch", projectId: signet.projectId } as const;
    // Two of three are named: the middle one keeps its place.
    const stageOrder = [
      { stageId: dev, order: 2 },
      { stageId: prod, order: 0 },
    ];
    const updated = await pipelines.update(signet.admin, pipeline.id, { ...change, stageOrder });
    expect(updated.pipeline).toMatchObject(change);
    expect(updated.pipeline.updatedAt > pipeline.updatedAt).toBe(true);
    expect(await names(pipeline.id)).toEqual(["Production", "Staging", "Development"]);
    expect((await pipelines.update(signet.admin, pipeline.id, { projectId: null })).pipeline.projectId).toBeNull();

    const before = [await signet.fingerprint(), await names(pipeline.id)];
    for (const [wanted, type] of [
      [[{ stageId: dev, order: 0 }], "duplicate"],
      [[{ stageId: dev, order: 3 }], "range"],
      [[{ stageId: NOBODY, order: 0 }], "unknown"],
      [
        [
          { stageId: middle, order: 1 },
          { stageId: middle, order: 1 },
        ],
        "duplicate",
      ],
    ] as const) {
      const refused = pipelines.update(signet.admin, pipeline.id, { displayName: "no", stageOrder: wanted });
      await expect(refused).rejects.toMatchObject({
        ...{ code: "invalid", fields: expect.arrayContaining([expect.objectContaining({ type })]) },
      });
    }
    await expect(pipelines.update(signet.admin, pipeline.id, { projectId: NOBODY })).rejects.toMatchObject({
      code: "not_found",
    });
    expect([await signet.fingerprint(), await names(pipeline.id)]).toEqual(before);
  });

  it("an app is in one stage of all pipelines, until it is taken out", async () => {
    const { pipelines, pipelineStages } = signet.services;
    const fan = await createFanOut(signet, 1);
    const other = await pipelines.create(signet.admin, input());
    const [stageId = ""] = other.stages.map(({ stage }) => stage.id);
    const again = () => pipelineStages.addApp(signet.admin, other.pipeline.id, stageId, fan.source.id);
    await expect(again()).rejects.toMatchObject({ code: "conflict" });
    await expect(pipelineStages.addApp(signet.admin, other.pipeline.id, stageId, NOBODY)).rejects.toMatchObject({
      ...{ code: "not_found", message: "app not found" },
    });
    const [own = "", second = ""] = (await fan.view()).stages.map(({ stage }) => stage.id);
    const remove = (stage: string) => pipelineStages.removeApp(signet.admin, fan.pipelineId, stage, fan.source.id);
    await expect(remove(second)).rejects.toMatchObject({ code: "not_found" });
    await remove(own);
    await expect(remove(own)).rejects.toMatchObject({ code: "not_found" });
    expect((await again()).app.environment.id).toBe(fan.source.id);
    await pipelines.delete(signet.admin, other.pipeline.id);
    await pipelineStages.addApp(signet.admin, fan.pipelineId, own, fan.source.id);
    expect(await signet.environment("dev")).toMatchObject({ name: "dev" });
    await expect(pipelines.get(signet.admin, other.pipeline.id)).rejects.toMatchObject({ code: "not_found" });
  });

  it("lose the apps whose environment or project is deleted, and outlive their project", async () => {
    const { pipelines, pipelineStages, environments, projects } = signet.services;
    const fan = await createFanOut(signet, 2);
    const { project, environments: others } = await projects.create(signet.admin, "doomed");
    const [, second = ""] = (await fan.view()).stages.map(({ stage }) => stage.id);
    await pipelineStages.addApp(signet.admin, fan.pipelineId, second, others[0]?.id ?? "");
    await pipelines.update(signet.admin, fan.pipelineId, { projectId: project.id });
    expect((await fan.view()).stages[1]?.apps).toHaveLength(3);
    await environments.delete(signet.admin, signet.path("t0"));
    await projects.delete(signet.admin, project.id);
    const { pipeline, stages } = await fan.view();
    expect(pipeline.projectId).toBeNull();
    expect(stages[1]?.apps.map(({ app }) => app.environment.name)).toEqual(["t1"]);
    expect(await signet.count("pipeline_apps")).toBe(2);
  });

  it("show where every bundle is, and whether it is what the stage before has", async () => {
    const { publishing, pipelinePromotion } = signet.services;
    const fan = await createFanOut(signet, 3);
    const seen = async () => {
      const { stages } = await fan.view();
      return stages.map(({ apps }) =>
        apps.map(({ app, equalsPrevious }) => [app.environment.activeVersion, equalsPrevious]),
      );
    };
    const none = [null, null];
    expect(await seen()).toEqual([[none], [none, none, none]]);
    const scoped = publishInput({ scopePolicies: '{"t:a:g:dev":{"n":1}}' });
    await publishing.publish(signet.change(), signet.path("dev"), scoped);
    expect(await seen()).toEqual([
      [[1, null]],
      [
        [null, false],
        [null, false],
        [null, false],
      ],
    ]);
    const two = { ...toAll(fan), targetAppIds: toAll(fan).targetAppIds.slice(0, 2) };
    await pipelinePromotion.promote(signet.change(), two);
    // The same hash as dev's, but it names dev: promotion would bring something else.
    await publishing.publish(signet.change(), signet.path("t2"), scoped);
    expect(await seen()).toEqual([
      [[1, null]],
      [
        [1, true],
        [1, true],
        [1, false],
      ],
    ]);
    await signet.publish("t1", { n: 9 });
    expect(await seen()).toEqual([
      [[1, null]],
      [
        [1, true],
        [2, false],
        [1, false],
      ],
    ]);
    const { stages } = await fan.view();
    const { rows } = await signet.services.bundles.deployments(signet.admin, signet.path("t0"), undefined, 0);
    expect(stages[1]?.apps[0]?.app).toMatchObject({
      active: { policyHash: rows[0]?.policyHash, since: rows[0]?.at },
      environment: { activeDeploymentId: rows[0]?.id, sequence: 1 },
      projectSlug: "default",
    });
  });

  it("show the difference between two apps", async () => {
    const { pipelines } = signet.services;
    const fan = await createFanOut(signet, 2);
    const [first = "", second = ""] = toAll(fan).targetAppIds;
    await signet.publish("dev", { a: 1, b: 2 });
    await signet.publish("t0", { a: 1, b: 3 });
    const { signal } = new AbortController();
    const diff = (...apps: [string, string]) => pipelines.diff(signet.admin, fan.pipelineId, apps, signal);
    expect(JSON.parse(await diff(fan.source.id, first))).toEqual([{ op: "replace", path: "/b", value: 3 }]);
    expect(await diff(first, first)).toBe("[]");
    await expect(diff(fan.source.id, second)).rejects.toMatchObject({ code: "not_found" });
    await expect(diff(first, NOBODY)).rejects.toMatchObject({ fields: [{ loc: ["query", "to"], type: "unknown" }] });
  });
});

describe("what a token sees and changes of pipelines", () => {
  const signet = useServices();
  const input = (projectId: string | null = null) => ({ displayName: "p", type: "trunk", projectId }) as const;

  it("a ci token: those of its project, and those with an app of it; it changes the first only", async () => {
    const { pipelines, pipelineStages, projects } = signet.services;
    const ci = await signet.ci();
    const { project } = await projects.create(signet.admin, "other");
    const foreign = await pipelines.create(signet.admin, input(project.id));
    const shared = await createFanOut(signet, 1, "shared");
    const made = await pipelines.create(ci, input());
    expect(made.pipeline.projectId).toBe(signet.projectId);
    const seen = async () => (await pipelines.list(ci, undefined, 0)).rows.map(({ id }) => id).sort();
    expect(await seen()).toEqual([made.pipeline.id, shared.pipelineId].sort());
    expect((await pipelines.list(signet.admin, undefined, 0)).total).toBe(3);

    const absent = await pipelines.get(ci, NOBODY).catch((thrown: unknown) => thrown);
    await expect(pipelines.get(ci, foreign.pipeline.id)).rejects.toEqual(absent);
    await expect(pipelines.delete(ci, foreign.pipeline.id)).rejects.toMatchObject({ code: "not_found" });
    await expect(pipelines.create(ci, input(project.id))).rejects.toMatchObject({ code: "not_found" });
    await expect(pipelines.update(ci, made.pipeline.id, { projectId: project.id })).rejects.toMatchObject({
      code: "not_found",
    });
    const before = await signet.fingerprint();
    for (const work of [
      () => pipelines.update(ci, shared.pipelineId, { displayName: "mine" }),
      () => pipelines.delete(ci, shared.pipelineId),
      () => pipelineStages.create(ci, shared.pipelineId, { displayName: "s", insertBefore: 0, branch: null }),
      () => pipelines.update(ci, made.pipeline.id, { projectId: null }),
    ]) {
      await expect(work()).rejects.toMatchObject({ code: "forbidden" });
    }
    expect(await signet.fingerprint()).toEqual(before);
    await pipelines.delete(ci, made.pipeline.id);
  });

  it("a ci token for some environments changes no pipeline", async () => {
    const { pipelines } = signet.services;
    const own = await pipelines.create(signet.admin, input(signet.projectId));
    const narrow = await signet.ci(["dev"]);
    expect((await pipelines.get(narrow, own.pipeline.id)).pipeline).toEqual(own.pipeline);
    await expect(pipelines.create(narrow, input())).rejects.toMatchObject({ code: "forbidden" });
    await expect(pipelines.delete(narrow, own.pipeline.id)).rejects.toMatchObject({ code: "forbidden" });
  });

  it("a runtime token: those with its environment, and in them nothing else", async () => {
    const { pipelines } = signet.services;
    await pipelines.create(signet.admin, input(signet.projectId));
    const fan = await createFanOut(signet, 2);
    await signet.publish("dev");
    const { principal } = await signet.runtime("t0");
    expect((await pipelines.list(principal, undefined, 0)).rows.map(({ id }) => id)).toEqual([fan.pipelineId]);
    const { stages } = await pipelines.get(principal, fan.pipelineId);
    const apps = stages.map((stage) => stage.apps.map((it) => [it.app.environment.name, it.equalsPrevious]));
    expect(apps).toEqual([[], [["t0", null]]]);
    const { principal: staging } = await signet.runtime("staging");
    expect((await pipelines.list(staging, undefined, 0)).total).toBe(0);
    await expect(pipelines.get(staging, fan.pipelineId)).rejects.toMatchObject({ code: "not_found" });
  });

  it("another organization: nothing", async () => {
    const { pipelines, pipelineStages } = signet.services;
    const stranger = await signet.foreigner();
    const fan = await createFanOut(signet, 1);
    expect((await pipelines.list(stranger, undefined, 0)).total).toBe(0);
    await expect(pipelines.get(stranger, fan.pipelineId)).rejects.toMatchObject({ code: "not_found" });
    await expect(pipelines.create(stranger, input(signet.projectId))).rejects.toMatchObject({ code: "not_found" });
    const own = await pipelines.create(stranger, input());
    const stageId = own.stages[0]?.stage.id ?? "";
    const staging = await signet.environment("staging");
    const steal = pipelineStages.addApp(stranger, own.pipeline.id, stageId, staging.id);
    await expect(steal).rejects.toMatchObject({ code: "not_found", message: "app not found" });
  });
});
