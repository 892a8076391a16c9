import { describe, expect, it } from "vitest";
import type { DeploymentFilter } from "../../../src/store/store.js";
import { useServices } from "../fixture.js";

describe("activations of a project", () => {
  const signet = useServices();
  const listed = async (
    filter: DeploymentFilter = {},
    envName = "",
    caller = signet.admin,
    limit = 100,
    offset = 0,
  ) => {
    const { bundles } = signet.services;
    const { projectId } = signet.path("dev");
    return await bundles.deployments(caller, { projectId, envName }, limit, offset, filter);
  };
  const found = async (...asked: Parameters<typeof listed>) => {
    const { rows, total } = await listed(...asked);
    expect(total).toBe(rows.length);
    return rows.map(({ environment, kind, version }) => `${environment} ${kind} ${version}`);
  };

  async function change() {
    await signet.publish("dev", { n: 1 });
    signet.clock.advanceSeconds(60);
    const since = signet.clock.now().toISOString();
    await signet.publish("dev", { n: 2 });
    await signet.publish("prod", { n: 1 });
    return since;
  }

  it("are listed newest first, of all environments or of one, by kind, actor and time", async () => {
    const since = await change();
    const all = await found();
    expect(all).toHaveLength(3);
    expect(all.at(-1)).toBe("dev publish 1");
    expect(await found({ since })).toEqual(all.slice(0, 2));
    expect(await found({ since }, "dev")).toEqual(["dev publish 2"]);
    expect(await found({ until: since, kind: "publish" }, "prod")).toEqual(await found({}, "prod"));
    expect(await found({ kind: "rollback" })).toEqual([]);
    expect(await found({ actor: signet.admin.keyPrefix })).toEqual(all);
    expect(await found({ actor: "nobody" })).toEqual([]);
  });

  it("come in pages with the number of all of them", async () => {
    await change();
    const page = await listed({ kind: "publish" }, "", signet.admin, 1, 2);
    expect(page.rows.map(({ version, environment }) => [environment, version])).toEqual([["dev", 1]]);
    expect(page).toMatchObject({ total: 3, limit: 1 });
  });

  it("a token sees those of its environment alone", async () => {
    await change();
    const { principal } = await signet.runtime("prod");
    expect(await found({}, "", principal)).toEqual(["prod publish 1"]);
    await expect(listed({}, "dev", principal)).rejects.toMatchObject({ code: "not_found" });
  });
});
