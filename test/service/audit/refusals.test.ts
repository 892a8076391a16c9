import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openSqliteStore } from "../../../src/store/sqlite/open.js";
import { startTestServer } from "../../support/server.js";
import { useServices } from "../fixture.js";

describe("refused attempts", () => {
  const signet = useServices();
  const refusals = () => signet.services.refusals;
  const refused = async () => {
    const filter = { orgId: signet.orgId, limit: 100, after: 0, action: "access.refused" };
    const { rows } = await signet.services.audit.list(filter);
    return rows.map(({ actor, resourceId, metadata }) => [actor, resourceId, metadata["count"]]);
  };

  it("are one event for each token, operation and minute, with their count", async () => {
    const ci = await signet.ci();
    for (let n = 0; n < 1000; n += 1) refusals().count(ci, "createProject", "forbidden");
    refusals().count(ci, "deleteProject", "forbidden");
    refusals().count(signet.admin, "createProject", "forbidden");
    signet.clock.advanceSeconds(60);
    refusals().count(ci, "createProject", "forbidden");
    signet.clock.advanceSeconds(60);
    await refusals().flush();
    expect(await refused()).toEqual([
      [ci.keyPrefix, "createProject", 1000],
      [ci.keyPrefix, "deleteProject", 1],
      [signet.admin.keyPrefix, "createProject", 1],
      [ci.keyPrefix, "createProject", 1],
    ]);
    expect(await signet.services.audit.verify(signet.orgId)).toMatchObject({ valid: true });
  });

  it("are one event for a token, an operation and a minute whatever they were refused for", async () => {
    refusals().count(signet.admin, "createProject", "forbidden");
    refusals().count(signet.admin, "createProject", "rate_limited");
    await refusals().flush(true);
    expect(await refused()).toHaveLength(1);
  });

  it("wait for their minute to be over, unless the server stops", async () => {
    refusals().count(signet.admin, "createProject", "forbidden");
    await refusals().flush();
    expect(await refused()).toEqual([]);
    await refusals().flush(true);
    expect(await refused()).toEqual([[signet.admin.keyPrefix, "createProject", 1]]);
    await refusals().flush(true);
    expect(await refused()).toHaveLength(1);
  });

  it("are written to the token's own organization", async () => {
    refusals().count(await signet.foreigner(), "createProject", "forbidden");
    await refusals().flush(true);
    expect(await refused()).toEqual([]);
  });

  it("that could not be written are written later", async () => {
    refusals().count(signet.admin, "createProject", "forbidden");
    signet.moments.beforeAuditSignature = () => {
      throw new Error("no signature");
    };
    await expect(refusals().flush(true)).rejects.toThrow();
    signet.moments.beforeAuditSignature = () => {};
    await refusals().flush(true);
    expect(await refused()).toEqual([[signet.admin.keyPrefix, "createProject", 1]]);
  });

  it("of a token that asks for ever new operations fill nothing without end", async () => {
    for (let n = 0; n < 10_500; n += 1) refusals().count(signet.admin, `operation ${n}`, "forbidden");
    await refusals().flush(true);
    expect((await signet.services.audit.head(signet.orgId)).number).toBe(10_001);
  });

  it("let other writes in between when there are many", async () => {
    for (let n = 0; n < 101; n += 1) refusals().count(signet.admin, `operation ${n}`, "forbidden");
    const order: string[] = [];
    const flushed = refusals()
      .flush(true)
      .then(() => order.push("refusals"));
    const other = signet.store.write(async (tx) => await tx.auditHead(signet.orgId)).then(() => order.push("other"));
    await Promise.all([flushed, other]);
    expect(order).toEqual(["other", "refusals"]);
    expect((await signet.services.audit.head(signet.orgId)).number).toBe(102);
  });
});

describe("refused attempts, over a server", () => {
  it("of known tokens are in their organization's audit, over every protocol and from behind the door", async () => {
    await using server = await startTestServer();
    const { admin, orgId, projectId, directory, url } = server;
    const ci = await admin.tokens.createCiToken({ orgId, projectId, environments: ["staging"] });
    const tenant = await admin.organizations.createOrganization({ name: "tenant" });
    const asCi = server.clientFor(ci.rawKey ?? "");
    const asTenant = server.clientFor(tenant.adminToken?.rawKey ?? "");
    const denied = { code: "forbidden" };
    await expect(asCi.organizations.createProject({ orgId, name: "x" })).rejects.toMatchObject(denied);
    const target = { orgId, projectId, envName: "dev", policies: "{}" };
    await expect(asCi.bundles.publishBundle(target)).rejects.toMatchObject(denied);
    await expect(asTenant.organizations.listProjects({ orgId })).rejects.toMatchObject(denied);
    const headers = { "X-API-Key": tenant.adminToken?.rawKey ?? "" };
    expect((await fetch(`${url}/v1/orgs/${orgId}/projects`, { headers })).status).toBe(403);
    expect((await fetch(`${url}/v1/orgs/${orgId}/tokens`, { headers })).status).toBe(403);
    const stopped = await admin.tokens.createCiToken({ orgId, projectId });
    await admin.tokens.revokeToken({ orgId, keyId: stopped.id });
    const unauthenticated = { code: "unauthenticated" };
    await expect(server.clientFor(stopped.rawKey ?? "").tokens.whoAmI({})).rejects.toMatchObject(unauthenticated);
    await expect(server.clientFor(`${stopped.rawKey}x`).tokens.whoAmI({})).rejects.toMatchObject(unauthenticated);
    await server.server[Symbol.asyncDispose]();

    await using store = await openSqliteStore({ file: join(directory, "signet.db") });
    const refused = async (of: string) => {
      const { rows } = await store.read.auditEvents({ orgId: of, limit: 100, after: 0, action: "access.refused" });
      return rows.map(({ actor, resourceId, metadata }) => [actor, resourceId, metadata["count"]]).sort();
    };
    expect(await refused(orgId)).toEqual(
      [
        [ci.keyPrefix, "createProject", 1],
        [ci.keyPrefix, "publishBundle", 1],
        [stopped.keyPrefix, "whoAmI", 1],
      ].sort(),
    );
    expect(await refused(tenant.id ?? "")).toEqual([
      [tenant.adminToken?.keyPrefix, "listProjects", 2],
      [tenant.adminToken?.keyPrefix, "listTokens", 1],
    ]);
  });
});
