import { describe, expect, it } from "vitest";
import { StoreChanges, type StoreChange } from "../../../src/service/changes/store-changes.js";
import { EnvironmentHub } from "../../../src/service/watches/environment-hub.js";
import type { Reader } from "../../../src/store/store.js";
import { useServices } from "../fixture.js";

const OTHER = "7d0c1a52-3f1e-4f35-9c86-0a6a3c9d2b11";

describe("the states that watches of an organization share", () => {
  const signet = useServices();

  /** A hub, how often it read its whole scope, and what waits until it has looked at a change. */
  function open(beforeAnswer: () => Promise<void> = async () => {}) {
    const changes = new StoreChanges();
    let reads = 0;
    const read: Reader = {
      ...signet.store.read,
      async environmentsOf(...parameters) {
        reads += 1;
        const found = await signet.store.read.environmentsOf(...parameters);
        await beforeAnswer();
        return found;
      },
    };
    const deps = { read, clock: signet.clock, changes, isShared: false };
    const hub = new EnvironmentHub({ orgId: signet.orgId, projectId: null }, deps, () => undefined);
    const looked = async (...told: readonly StoreChange[]) => {
      const woken = new Promise<void>((resolve) => hub.add({ topics: [], wake: resolve, end: () => resolve() }));
      changes.announce(told);
      await woken;
    };
    return { hub, changes, looked, reads: () => reads };
  }

  it("are not read again for deletions of other organizations", async () => {
    const { hub, looked, reads } = open();
    await using _ = hub;
    await hub.loaded;
    const { id } = await signet.environment("dev");
    await looked({ kind: "tenancy", of: OTHER }, { kind: "environment", id, orgId: signet.orgId });
    expect(reads()).toBe(1);
  });

  it.each([
    ["the organization itself", () => signet.orgId],
    ["a project of it", () => signet.projectId],
    ["something that an older release does not name", () => undefined],
  ])("are read again when %s was changed or deleted", async (_what, of) => {
    const { hub, looked, reads } = open();
    await using _ = hub;
    await hub.loaded;
    const id = of();
    await looked({ kind: "tenancy", ...(id === undefined ? {} : { of: id }) });
    expect(reads()).toBe(2);
  });

  it("lose a project that is deleted while it is read for the first time", async () => {
    const { project } = await signet.services.projects.create(signet.admin, "Brief");
    await signet.unprotect({ projectId: project.id, envName: "prod" });
    let isFirst = true;
    const { hub, changes, looked } = open(async () => {
      if (!isFirst) return;
      isFirst = false;
      await signet.services.projects.delete(signet.admin, project.id);
      changes.announce([{ kind: "tenancy", of: project.id }]);
    });
    await using _ = hub;
    await hub.loaded;
    await looked();
    expect(hub.states.get(project.id)?.kind).toBe("project_deleted");
  });
});
