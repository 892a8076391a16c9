import { describe, expect, it } from "vitest";
import { useServices } from "../fixture.js";

describe("organizations", () => {
  const signet = useServices();
  const organizations = () => signet.services.organizations;
  const create = (name: string) =>
    organizations().create(signet.admin, { name, plan: null, versionsPerEnvironment: null });

  it("are made with an admin of their own, who is no operator and sees nothing of the others", async () => {
    const { organization, adminToken } = await create("Tenant");
    expect(organization).toMatchObject({ slug: "tenant", plan: "free", isOperator: false });
    const principal = await signet.services.authentication.authenticate(adminToken.rawKey);
    expect(principal).toMatchObject({ orgId: organization.id, isOperator: false, keyType: "admin" });
    expect(signet.admin.isOperator).toBe(true);
    expect((await signet.services.projects.list(principal, undefined, 0)).total).toBe(0);
    const refused = signet.services.projects.get(principal, signet.projectId);
    await expect(refused).rejects.toMatchObject({ code: "not_found", message: "project not found" });
  });

  it("of one name get slugs of their own", async () => {
    const made = [await create("Acme"), await create("ACME"), await create("acme!")];
    const slugs = made.map(({ organization }) => organization.slug);
    expect(slugs[0]).toBe("acme");
    for (const slug of slugs.slice(1)) expect(slug).toMatch(/^acme-[0-9a-f]{8}$/);
    expect(new Set(slugs).size).toBe(3);
  });

  it("change what is told and keep the rest; null clears", async () => {
    await organizations().update(signet.admin, signet.orgId, { industry: "toys", companySize: "5" });
    await organizations().update(signet.admin, signet.orgId, { industry: null, name: "New" });
    const { name, slug, industry, companySize } = await organizations().get(signet.admin);
    expect({ name, slug, industry, companySize }).toEqual({
      name: "New",
      slug: "default",
      industry: null,
      companySize: "5",
    });
  });

  it.each([
    ["a tenant its own plan", "tenant", "tenant", { plan: "gold" }],
    ["a tenant its own quota", "tenant", "tenant", { versionsPerEnvironment: null }],
    ["a tenant its quota among others", "tenant", "tenant", { name: "x", versionsPerEnvironment: 9 }],
    ["the operator a tenant's name", "operator", "tenant", { name: "x" }],
    ["the operator a tenant's name among others", "operator", "tenant", { name: "x", plan: "gold" }],
  ])("does not let %s change", async (_, who, whose, change) => {
    const tenant = await signet.foreigner();
    const caller = who === "tenant" ? tenant : signet.admin;
    const orgId = whose === "tenant" ? tenant.orgId : signet.orgId;
    const before = [await signet.fingerprint(), await organizations().get(tenant)];
    await expect(organizations().update(caller, orgId, change)).rejects.toMatchObject({ code: "forbidden" });
    expect([await signet.fingerprint(), await organizations().get(tenant)]).toEqual(before);
  });

  it("lets the operator change a tenant's plan and quota, in the tenant's audit", async () => {
    const tenant = await signet.foreigner();
    await organizations().update(signet.admin, tenant.orgId, { plan: "gold", versionsPerEnvironment: 5 });
    expect(await organizations().get(tenant)).toMatchObject({ plan: "gold", versionsPerEnvironment: 5 });
    expect(await signet.actions(tenant.orgId)).toEqual(["organization.created", "organization.updated"]);
  });

  it("that are not there are not found for the operator", async () => {
    const refused = organizations().update(signet.admin, "none", { plan: "gold" });
    await expect(refused).rejects.toMatchObject({ code: "not_found" });
  });
});
