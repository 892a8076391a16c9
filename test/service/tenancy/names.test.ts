import { describe, expect, it } from "vitest";
import { useServices } from "../fixture.js";

describe("names", () => {
  const signet = useServices();
  type Make = (name: string) => Promise<unknown>;
  const kinds: readonly [what: string, field: string, make: Make, read: (made: never) => unknown][] = [
    [
      "an organization",
      "name",
      (name) => signet.services.organizations.create(signet.admin, { name, plan: null, versionsPerEnvironment: null }),
      (made: { organization: { name: string } }) => made.organization.name,
    ],
    [
      "an organization that is renamed",
      "name",
      (name) => signet.services.organizations.update(signet.admin, signet.orgId, { name }),
      (made: { name: string }) => made.name,
    ],
    [
      "a project",
      "name",
      (name) => signet.services.projects.create(signet.admin, name),
      (made: { project: { name: string } }) => made.project.name,
    ],
    [
      "an admin token",
      "name",
      (name) => signet.services.tokens.createAdmin(signet.admin, { name, expiresInDays: null }),
      (made: { token: { name: string } }) => made.token.name,
    ],
    [
      "a pipeline",
      "display_name",
      (displayName) =>
        signet.services.pipelines.create(signet.admin, { displayName, type: "trunk", projectId: signet.projectId }),
      (made: { pipeline: { displayName: string } }) => made.pipeline.displayName,
    ],
    [
      "a pipeline that is renamed",
      "display_name",
      async (displayName) => {
        const input = { displayName: "first", type: "trunk", projectId: signet.projectId };
        const { pipeline } = await signet.services.pipelines.create(signet.admin, input);
        return await signet.services.pipelines.update(signet.admin, pipeline.id, { displayName });
      },
      (made: { pipeline: { displayName: string } }) => made.pipeline.displayName,
    ],
    [
      "a stage",
      "display_name",
      async (displayName) => {
        const input = { displayName: "p", type: "trunk", projectId: signet.projectId };
        const { pipeline } = await signet.services.pipelines.create(signet.admin, input);
        const stage = { displayName, insertBefore: 0, branch: null };
        return await signet.services.pipelineStages.create(signet.admin, pipeline.id, stage);
      },
      (made: { displayName: string }) => made.displayName,
    ],
  ];

  it.each(kinds)("of %s are kept in NFC", async (_what, _field, make, read) => {
    expect(read((await make("Cafe\u0301 ❤")) as never)).toBe("Café ❤");
  });

  it.each(
    kinds.flatMap(([what, field, make]) =>
      [
        ["a line break", "a\nb", "U+000A"],
        ["C1", "a\u009bb", undefined],
        ["a bidi override", "a\u202eb", "U+202E"],
        ["a zero-width space", "prod\u200b", "U+200B"],
        ["a tag character", "prod\u{e0041}", "U+E0041"],
        ["a lone surrogate", "a\ud800", undefined],
      ].map(([why, name = "", code]) => [what, why, field, () => make(name), code] as const),
    ),
  )("of %s are refused with %s", async (_what, _why, field, make, code) => {
    const before = await signet.fingerprint();
    const refused = await make().catch((thrown: unknown) => thrown);
    expect(refused).toMatchObject({ code: "invalid", fields: [{ loc: ["body", field] }] });
    if (code !== undefined) expect((refused as Error).message).toContain(code);
    // A pipeline that the case needs may be there.
    if (field === "name") expect(await signet.fingerprint()).toEqual(before);
  });

  it("of a runtime token are one name in either form", async () => {
    await signet.runtime("dev", { name: "Café" });
    await expect(signet.runtime("dev", { name: "Cafe\u0301" })).rejects.toMatchObject({ code: "conflict" });
  });

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
    signet.tamper((db) => db.prepare("update pipelines set display_name = 'Main' where id = ?").run(second.id));
    await expect(pipelines.update(signet.admin, second.id, { type: "branch" })).resolves.toBeDefined();
    await expect(pipelines.update(signet.admin, pipeline.id, { displayName: "Main" })).resolves.toBeDefined();
  });
});
