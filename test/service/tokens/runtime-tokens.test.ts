import { describe, expect, it } from "vitest";
import { DAY, useServices } from "../fixture.js";

describe("runtime tokens of one environment", () => {
  const signet = useServices();

  it("are one without a name, and one of each name", async () => {
    await signet.runtime("dev");
    await signet.runtime("dev", { name: "edge-1" });
    await signet.runtime("dev", { name: "edge-2" });
    await signet.runtime("prod");
    const before = await signet.fingerprint();
    for (const options of [{}, { name: "edge-1" }]) {
      const refused = { code: "conflict", reason: "runtime_key_exists" };
      await expect(signet.runtime("dev", options)).rejects.toMatchObject(refused);
    }
    expect(await signet.fingerprint()).toEqual(before);
  });

  it("make room when they are revoked or expired, not when they are rotated", async () => {
    const { token } = await signet.runtime("dev");
    await signet.services.tokens.rotate(signet.admin, token.id, 0);
    await expect(signet.runtime("dev")).rejects.toMatchObject({ code: "conflict" });
    await signet.services.tokens.revoke(signet.admin, token.id);
    await signet.runtime("dev", { expiresInDays: 1 });
    await expect(signet.runtime("dev")).rejects.toMatchObject({ code: "conflict" });
    signet.clock.advanceSeconds(DAY);
    await signet.runtime("dev");
  });

  it("are made once by two that ask at once", async () => {
    const both = await Promise.allSettled([signet.runtime("dev"), signet.runtime("dev")]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  it.each([
    ["an environment of another project", "other", "not_found"],
    ["an environment that is not there", "none", "not_found"],
  ])("are refused for %s", async (_, environment, code) => {
    const { environments } = await signet.services.projects.create(signet.admin, "other");
    const environmentId = environment === "other" ? (environments[0]?.id ?? "") : environment;
    const before = await signet.fingerprint();
    const target = { projectId: signet.projectId, environmentId, name: null, expiresInDays: null };
    await expect(signet.services.tokens.createRuntime(signet.admin, target)).rejects.toMatchObject({ code });
    expect(await signet.fingerprint()).toEqual(before);
  });

  it("see their own environment only", async () => {
    const { principal } = await signet.runtime("dev");
    for (const name of ["dev", "prod"]) await signet.publish(name);
    const { bundles, environments, projects } = signet.services;
    expect((await bundles.list(principal, signet.path("dev"), undefined, undefined)).total).toBe(1);
    const prod = bundles.list(principal, signet.path("prod"), undefined, undefined);
    const nowhere = bundles.list(principal, signet.path("nowhere"), undefined, undefined);
    const [seen, missing] = await Promise.allSettled([prod, nowhere]);
    expect(seen).toMatchObject({ status: "rejected", reason: { code: "not_found" } });
    expect(String((seen as PromiseRejectedResult).reason)).toBe(String((missing as PromiseRejectedResult).reason));
    const listed = await environments.list(principal, signet.projectId, undefined, 0);
    expect(listed.rows.map(({ name }) => name)).toEqual(["dev"]);
    expect(listed.total).toBe(1);
    const tree = await projects.get(principal, signet.projectId);
    expect(tree.environments.map(({ name }) => name)).toEqual(["dev"]);
  });
});
