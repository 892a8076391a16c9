import { describe, expect, it } from "vitest";
import { anOrganization, minutesLater } from "../sample.js";
import { useStore } from "../temporary-store.js";

describe("organizations", () => {
  const db = useStore();

  it.each([
    ["with all set", { industry: "health", companySize: "11-50", versionsPerEnvironment: 30, isOperator: true }],
    ["with nothing optional", {}],
  ])("keeps one %s", async (_case, changes) => {
    const organization = anOrganization(changes);
    await db.write((tx) => tx.insertOrganization(organization));
    expect(await db.read.organization(organization.id)).toStrictEqual(organization);
  });

  it("answers null for what is not there", async () => {
    expect(await db.read.organization("nobody")).toBeNull();
    expect(await db.read.operatorOrganization()).toBeNull();
  });

  it("finds the operator's among others", async () => {
    const operator = anOrganization({ isOperator: true });
    await db.write(async (tx) => {
      await tx.insertOrganization(anOrganization());
      await tx.insertOrganization(operator);
    });
    expect(await db.read.operatorOrganization()).toStrictEqual(operator);
  });

  it("finds by slug and name, and refuses a slug that is taken", async () => {
    const [first, second] = [anOrganization(), anOrganization()];
    await db.write(async (tx) => {
      for (const organization of [first, second]) await tx.insertOrganization(organization);
    });
    expect(await db.read.organizationBySlug(first.slug)).toStrictEqual(first);
    expect(await db.read.organizationBySlug(first.name)).toBeNull();
    expect(await db.read.organizationsNamed(first.name, 1)).toHaveLength(1);
    expect(await db.read.organizationsNamed(first.name, 9)).toHaveLength(2);
    const third = anOrganization({ slug: first.slug });
    await expect(db.write((tx) => tx.insertOrganization(third))).rejects.toMatchObject({ code: "conflict" });
    expect(await db.read.organization(third.id)).toBeNull();
  });

  it("lists the oldest first, by pages, with the total", async () => {
    const [first, second, third] = [0, 1, 2].map((minutes) => anOrganization({ createdAt: minutesLater(minutes) }));
    await db.write(async (tx) => {
      for (const it of [third, first, second]) await tx.insertOrganization(it!);
    });
    expect(await db.read.organizations({ limit: 2, offset: 1 })).toStrictEqual({ rows: [second, third], total: 3 });
    expect(await db.read.organizations({ limit: 2, offset: 5 })).toStrictEqual({ rows: [], total: 3 });
  });

  it("changes what may change, and neither its birth nor whose it is", async () => {
    const before = anOrganization({ isOperator: true });
    const other = anOrganization();
    const changes = {
      name: "New",
      slug: "new",
      plan: "free",
      industry: "bank",
      companySize: "1",
      versionsPerEnvironment: 2,
    };
    await db.write(async (tx) => {
      await tx.insertOrganization(before);
      await tx.insertOrganization(other);
      await tx.updateOrganization({ ...before, ...changes, isOperator: false, createdAt: minutesLater(9) });
    });
    expect(await db.read.organization(before.id)).toStrictEqual({ ...before, ...changes });
    expect(await db.read.organization(other.id)).toStrictEqual(other);
  });
});
