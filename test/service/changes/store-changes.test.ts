import { describe, expect, it } from "vitest";
import { StoreChanges, type StoreChange, type StoreListener } from "../../../src/service/changes/store-changes.js";
import { aProject, anOrganization } from "../../store/sample.js";
import { useStore } from "../../store/temporary-store.js";

class Heard implements StoreListener {
  readonly changes: StoreChange[] = [];
  misses = 0;

  changed(changes: readonly StoreChange[]): void {
    this.changes.push(...changes);
  }

  missed(): void {
    this.misses += 1;
  }
}

describe("changes of the store", () => {
  const db = useStore();
  const organization = anOrganization();
  const project = aProject(organization.id);

  it("are told after the commit, and those of a work that failed are not", async () => {
    const [changes, heard] = [new StoreChanges(), new Heard()];
    const store = changes.observe(db.store);
    using _listening = changes.listen(heard);
    const failed = store.write(async (tx) => {
      await tx.insertOrganization(organization);
      await tx.insertProject(project);
      throw new Error("undone");
    });
    await expect(failed).rejects.toThrow("undone");
    await store.write(async (tx) => {
      await tx.insertOrganization(organization);
      await tx.insertProject(project);
      expect(heard.changes).toEqual([]);
    });
    expect(heard.changes).toEqual([{ kind: "project", id: project.id, orgId: organization.id }]);
    expect(heard.misses).toBe(0);
  });

  it("may be missed by one who begins to listen while they are written, who is told so", async () => {
    const [changes, heard] = [new StoreChanges(), new Heard()];
    const store = changes.observe(db.store);
    await store.write((tx) => tx.insertOrganization(organization));
    expect(heard.misses).toBe(0);
    await store.write(async (tx) => {
      changes.listen(heard);
      await tx.insertProject(project);
    });
    expect([heard.misses, heard.changes]).toEqual([1, []]);
  });
});
