import { describe, expect, it } from "vitest";
import { removeDeleted } from "../../../src/service/changes/deletions.js";
import { useServices } from "../fixture.js";

describe("projects", () => {
  const signet = useServices();
  const projects = () => signet.services.projects;

  it("are made with three stages and a runtime token for each", async () => {
    const { project, environments, runtimeTokens } = await projects().create(signet.admin, "Second Project");
    expect(project.slug).toBe("second-project");
    expect(environments.map((made) => [made.name, made.position, made.promotesTo, made.protected])).toEqual([
      ["dev", 0, "staging", false],
      ["staging", 1, "prod", false],
      ["prod", 2, null, true],
    ]);
    for (const { environment, issued } of runtimeTokens) {
      const principal = await signet.services.authentication.authenticate(issued.rawKey);
      expect(principal).toMatchObject({ keyType: "runtime", projectId: project.id, environmentId: environment.id });
    }
    const listed = JSON.stringify(await projects().list(signet.admin, undefined, 0));
    for (const { issued } of runtimeTokens) expect(listed).not.toContain(issued.rawKey);
  });

  it("of one name get slugs of their own", async () => {
    const made = [await projects().create(signet.admin, "App"), await projects().create(signet.admin, "app")];
    expect(made[0]?.project.slug).toBe("app");
    expect(made[1]?.project.slug).toMatch(/^app-[0-9a-f]{8}$/);
  });

  it("of two organizations may have one slug", async () => {
    const foreigner = await signet.foreigner();
    expect((await projects().create(foreigner, "default")).project.slug).toBe("default");
  });

  it("that are deleted end what is held open, take their tokens with them, and leave the audit", async () => {
    const { token, principal, rawKey } = await signet.runtime("dev");
    const ci = await signet.ci();
    await signet.publish("dev");
    const { project: other } = await projects().create(signet.admin, "other");
    const session = signet.services.sessions.open("stream", principal, token.environmentId ?? "", "192.0.2.1");
    await projects().delete(signet.admin, signet.projectId, { force: true, reason: null });
    expect(session.signal.reason).toMatchObject({ code: "not_found" });
    await expect(signet.services.authentication.authenticate(rawKey)).rejects.toMatchObject({
      code: "unauthenticated",
    });
    await expect(signet.services.authentication.recheck(ci)).rejects.toMatchObject({ code: "unauthenticated" });
    await removeDeleted(signet.store);
    expect(await signet.counts("environments", "bundles", "contents")).toEqual([3, 0, 0]);
    expect((await projects().list(signet.admin, undefined, 0)).rows.map(({ project }) => project.id)).toEqual([
      other.id,
    ]);
    expect(await signet.actions()).toContain("bundle.published");
    expect(await signet.services.audit.verify(signet.orgId)).toMatchObject({ valid: true });
  });

  it("of another organization cannot be deleted", async () => {
    const foreigner = await signet.foreigner();
    const before = await signet.fingerprint();
    await expect(projects().delete(foreigner, signet.projectId)).rejects.toMatchObject({ code: "not_found" });
    expect(await signet.fingerprint()).toEqual(before);
  });
});
