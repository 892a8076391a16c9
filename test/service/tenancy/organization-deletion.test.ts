import { describe, expect, it } from "vitest";
import { removeDeleted } from "../../../src/service/changes/deletions.js";
import { publishInput, useServices } from "../fixture.js";

const FORCED = { force: true, reason: "contract ended" };

describe("the deletion of an organization", () => {
  const signet = useServices();
  const organizations = () => signet.services.organizations;
  const remove = (orgId: string, options = { force: false, reason: null as string | null }) =>
    organizations().delete(signet.admin, orgId, options);

  it("takes all that it has, ends its tokens at once, frees its slug and leaves both audits", async () => {
    const foreigner = await signet.foreigner();
    const { orgId } = foreigner;
    const { services, store } = signet;
    const { project, runtimeTokens } = await services.projects.create(foreigner, "shop");
    const path = { projectId: project.id, envName: "dev" };
    await services.publishing.publish(signet.change({ principal: foreigner }), path, publishInput());
    await services.pipelines.create(foreigner, { displayName: "line", type: "trunk", projectId: project.id });
    await services.tokens.createCi(foreigner, {
      ...{ projectId: project.id, environments: [], name: "ci", expiresInDays: null },
    });
    const rawKey = runtimeTokens[0]?.issued.rawKey ?? "";
    const runtime = await services.authentication.authenticate(rawKey);
    const session = services.sessions.open("stream", runtime, runtime.environmentId ?? "", "192.0.2.1");
    await expect(remove(orgId)).rejects.toMatchObject({ code: "conflict", reason: "runtimes_live" });
    await remove(orgId, FORCED);
    expect(session.signal.reason).toMatchObject({ code: "not_found" });
    await expect(services.authentication.recheck(foreigner)).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(services.authentication.authenticate(rawKey)).rejects.toMatchObject({ code: "unauthenticated" });
    expect((await organizations().list(signet.admin, undefined, 0)).total).toBe(1);
    await removeDeleted(store);
    expect(await store.read.hasDeleted()).toBe(false);
    expect(await signet.counts("organizations", "projects", "pipelines", "bundles")).toEqual([...[1, 1, 0, 0]]);
    expect((await signet.actions(orgId)).at(-1)).toBe("organization.deleted");
    expect(await services.audit.verify(orgId)).toMatchObject({ valid: true });
    const { rows } = await store.read.auditEvents({ orgId: signet.orgId, limit: 1 });
    expect(rows[0]).toMatchObject({ action: "organization.deleted", metadata: { reason: "contract ended" } });
    expect((await signet.foreigner()).orgId).not.toBe(orgId);
    await expect(remove(orgId)).rejects.toMatchObject({ code: "not_found" });
  });

  it("is refused for the operator's own, and for one with a protected environment in use", async () => {
    await expect(remove(signet.orgId, FORCED)).rejects.toMatchObject({ reason: "operator_organization" });
    const foreigner = await signet.foreigner();
    const { project } = await signet.services.projects.create(foreigner, "shop");
    const path = { projectId: project.id, envName: "prod" };
    await signet.services.publishing.publish(signet.change({ principal: foreigner }), path, publishInput());
    await expect(remove(foreigner.orgId, FORCED)).rejects.toMatchObject({ reason: "protected" });
    expect(await signet.services.authentication.recheck(foreigner)).toBeNull();
  });

  it("also takes what was made by a request that was under way", async () => {
    const foreigner = await signet.foreigner();
    await remove(foreigner.orgId);
    await signet.services.projects.create(foreigner, "late");
    await removeDeleted(signet.store);
    expect([await signet.count("organizations"), await signet.count("projects")]).toEqual([1, 1]);
  });
});

describe("viewer and metrics tokens", () => {
  const signet = useServices();
  const common = { name: null, expiresInDays: null };

  it("of one project see that alone, and have no audit", async () => {
    const { project } = await signet.services.projects.create(signet.admin, "other");
    const options = { ...common, projectId: project.id, readsAudit: false };
    const { rawKey } = await signet.services.tokens.createViewer(signet.admin, options);
    const viewer = await signet.services.authentication.authenticate(rawKey);
    expect(viewer).toMatchObject({ keyType: "viewer", scopes: ["read"], isOperator: false });
    const { rows, total } = await signet.services.projects.list(viewer, undefined, 0);
    expect([rows.map((row) => row.project.id), total]).toEqual([[project.id], 1]);
    await expect(signet.environment("dev")).resolves.toBeDefined();
    await expect(signet.services.environments.get(viewer, signet.path("dev"))).rejects.toMatchObject({
      code: "not_found",
    });
    const both = signet.services.tokens.createViewer(signet.admin, { ...options, readsAudit: true });
    await expect(both).rejects.toMatchObject({ code: "invalid", fields: [{ loc: ["body", "audit"] }] });
  });

  it("for metrics are the operator's alone", async () => {
    const foreigner = await signet.foreigner();
    await expect(signet.services.tokens.createMetrics(foreigner, common)).rejects.toMatchObject({ code: "forbidden" });
    const { token } = await signet.services.tokens.createMetrics(signet.admin, common);
    expect(token.keyPrefix).toMatch(/^signet_mt_/);
  });
});
