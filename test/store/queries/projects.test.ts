import { describe, expect, it } from "vitest";
import { anOrganization, aProject, insertTenancy, minutesLater } from "../sample.js";
import { useStore } from "../temporary-store.js";

describe("projects", () => {
  const db = useStore();

  it("keeps one, for its own organization only", async () => {
    const { organization, project } = await insertTenancy(db);
    expect(await db.read.project(organization.id, project.id)).toStrictEqual(project);
    expect(await db.read.project("another", project.id)).toBeNull();
    expect(await db.read.project(organization.id, "another")).toBeNull();
  });

  it("refuses a slug that is taken with conflict, and keeps the first", async () => {
    const { organization, project } = await insertTenancy(db);
    const second = aProject(organization.id, { name: "Second" });
    await expect(db.write((tx) => tx.insertProject(second))).rejects.toMatchObject({
      code: "conflict",
      message: 'a project "payments" already exists',
    });
    expect(await db.read.project(organization.id, second.id)).toBeNull();
    expect(await db.read.project(organization.id, project.id)).toStrictEqual(project);
  });

  it("allows the same slug in another organization", async () => {
    await insertTenancy(db);
    const other = anOrganization();
    const project = aProject(other.id);
    await db.write(async (tx) => {
      await tx.insertOrganization(other);
      await tx.insertProject(project);
    });
    expect(await db.read.project(other.id, project.id)).toStrictEqual(project);
  });

  it("finds by slug and name, in its own organization only", async () => {
    const { organization, project } = await insertTenancy(db);
    const twins = ["twin-1", "twin-2"].map((slug) => aProject(organization.id, { slug, name: "Twin" }));
    await db.write(async (tx) => {
      for (const twin of twins) await tx.insertProject(twin);
    });
    expect(await db.read.projectBySlug(organization.id, project.slug)).toStrictEqual(project);
    expect(await db.read.projectBySlug(organization.id, project.name)).toBeNull();
    expect(await db.read.projectBySlug("another", project.slug)).toBeNull();
    expect(await db.read.projectsNamed(organization.id, project.name, 2)).toStrictEqual([project]);
    expect(await db.read.projectsNamed(organization.id, "Twin", 1)).toHaveLength(1);
    expect(await db.read.projectsNamed(organization.id, "Twin", 9)).toHaveLength(2);
    expect(await db.read.projectsNamed("another", "Twin", 9)).toStrictEqual([]);
  });

  it("lists the newest first, only the organization's, only the one for a token that sees one", async () => {
    const { organization, project } = await insertTenancy(db);
    const other = anOrganization();
    const newer = aProject(organization.id, { slug: "newer", createdAt: minutesLater(1) });
    await db.write(async (tx) => {
      await tx.insertOrganization(other);
      await tx.insertProject(aProject(other.id));
      await tx.insertProject(newer);
    });
    const page = { limit: 10, offset: 0 };
    expect(await db.read.projects(organization.id, page)).toStrictEqual({ rows: [newer, project], total: 2 });
    expect(await db.read.projects(organization.id, { limit: 1, offset: 1 })).toStrictEqual({
      rows: [project],
      total: 2,
    });
    expect(await db.read.projects(organization.id, page, project.id)).toStrictEqual({ rows: [project], total: 1 });
    expect(await db.read.projects(other.id, page, project.id)).toStrictEqual({ rows: [], total: 0 });
  });
});
