import { describe, expect, it } from "vitest";
import { useServices } from "../fixture.js";

describe("names", () => {
  const signet = useServices();
  it("of pipelines are unique in their project, and those of before go on", async () => {
    const { pipelines } = signet.services;
    const create = (projectId: string | null, displayName = "Main") =>
      pipelines.create(signet.admin, { displayName, type: "trunk", projectId });
    const other = (await signet.services.projects.create(signet.admin, "other")).project.id;
    const { pipeline } = await create(signet.projectId);
    await create(null);
    await create(other);
    for (const projectId of [signet.projectId, null, other]) {
      await expect(create(projectId)).rejects.toMatchObject({ code: "conflict", reason: "name_taken" });
    }
    const second = (await create(signet.projectId, "Second")).pipeline;
    await expect(pipelines.update(signet.admin, second.id, { displayName: "Main" })).rejects.toMatchObject({
      code: "conflict",
    });
    await expect(pipelines.update(signet.admin, second.id, { projectId: other })).resolves.toBeDefined();
    // As a database of before has it.
    await signet.tamper("update pipelines set display_name = 'Main' where id = ?", second.id);
    await expect(pipelines.update(signet.admin, second.id, { type: "branch" })).resolves.toBeDefined();
    await expect(pipelines.update(signet.admin, pipeline.id, { displayName: "Main" })).resolves.toBeDefined();
  });
});
