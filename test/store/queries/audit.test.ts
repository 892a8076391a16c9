import { describe, expect, it } from "vitest";
import type { AuditFilter } from "../../../src/store/store.js";
import { anEvent, minutesLater } from "../sample.js";
import { useStore } from "../temporary-store.js";

const ORG = "org-1";

describe("audit events", () => {
  const db = useStore();

  it("keeps one, whatever its metadata, and finds the head", async () => {
    const metadata = { from: 1, to: null, ok: true, names: ["a", "b"], text: 'ü"' };
    const [first, second] = [anEvent(ORG, 1), anEvent(ORG, 2, { metadata })];
    await db.write(async (tx) => {
      await tx.insertAuditEvent(first);
      await tx.insertAuditEvent(second);
    });
    expect(await db.read.auditEvent(ORG, 2)).toStrictEqual(second);
    expect(await db.read.auditHead(ORG)).toStrictEqual(second);
    expect(await db.read.auditEvent(ORG, 3)).toBeNull();
    expect(await db.read.auditEvent("another", 2)).toBeNull();
    expect(await db.read.auditHead("another")).toBeNull();
  });

  it("refuses a number that is taken with conflict", async () => {
    await db.write((tx) => tx.insertAuditEvent(anEvent(ORG, 1)));
    await expect(db.write((tx) => tx.insertAuditEvent(anEvent(ORG, 1)))).rejects.toMatchObject({
      code: "conflict",
      message: "audit events: there is one with the same org id and id already",
    });
  });

  it.each(["update audit_events set actor = 'x'", "delete from audit_events"])("withstands: %s", async (statement) => {
    const event = anEvent(ORG, 1);
    await db.write((tx) => tx.insertAuditEvent(event));
    await expect(db.raw(statement)).rejects.toThrow("audit_events are never");
    expect(await db.read.auditEvent(ORG, 1)).toStrictEqual(event);
  });

  const events = [
    anEvent(ORG, 1, { action: "bundle.published", actor: "ana", resourceType: "bundle", resourceId: "b1" }),
    anEvent(ORG, 2, { action: "bundle.activated", actor: "ben", resourceType: "bundle", resourceId: "b1" }),
    anEvent(ORG, 3, { action: "bundles.listed", actor: "ana", resourceType: "bundle", resourceId: "b2" }),
    anEvent(ORG, 4, { action: "bundle", actor: "ana", resourceType: "other", resourceId: "b1" }),
    anEvent(ORG, 5, { action: "bund_e.x", createdAt: minutesLater(5) }),
    anEvent(ORG, 6, { action: "bund%.x", createdAt: minutesLater(6) }),
    anEvent(ORG, 7, { action: "BUNDLE.SHOUTED", createdAt: minutesLater(7) }),
  ];

  it.each<[string, Partial<AuditFilter>, number[], number]>([
    ["nothing", {}, [7, 6, 5, 4, 3, 2, 1], 7],
    ["a page", { limit: 2 }, [7, 6], 7],
    ["what is before a number", { before: 3 }, [2, 1], 7],
    ["what is before the first", { before: 1 }, [], 7],
    ["what is after a number, oldest first", { after: 4 }, [5, 6, 7], 7],
    ["a page after a number", { after: 4, limit: 2 }, [5, 6], 7],
    ["what is after the last", { after: 7 }, [], 7],
    ["what is between two numbers", { after: 2, before: 5 }, [3, 4], 7],
    ["one action", { action: "bundle.published" }, [1], 1],
    ["a prefix of actions", { action: "bundle.*" }, [2, 1], 2],
    ["a page of a prefix", { action: "bundle.*", limit: 1, before: 2 }, [1], 2],
    ["a prefix with an underscore", { action: "bund_e.*" }, [5], 1],
    ["a prefix with a per cent sign", { action: "bund%.*" }, [6], 1],
    ["an action of a per cent sign", { action: "%" }, [], 0],
    ["a star that is no prefix", { action: "bundle*" }, [], 0],
    ["one actor", { actor: "ana" }, [4, 3, 1], 3],
    ["one resource type", { resourceType: "other" }, [4], 1],
    ["one resource", { resourceId: "b1" }, [4, 2, 1], 3],
    ["a resource of one type", { resourceType: "bundle", resourceId: "b1" }, [2, 1], 2],
    ["what is since an instant", { since: minutesLater(6) }, [7, 6], 2],
    ["what is until an instant", { since: minutesLater(5), until: minutesLater(6) }, [6, 5], 2],
    ["all of it", { actor: "ana", action: "bundle.*", resourceId: "b1", until: minutesLater(9) }, [1], 1],
    ["another organization", { orgId: "org-2" }, [1], 1],
  ])("filters by %s", async (_case, filter, ids, total) => {
    await db.write(async (tx) => {
      for (const event of events) await tx.insertAuditEvent(event);
      await tx.insertAuditEvent(anEvent("org-2", 1));
    });
    const listed = await db.read.auditEvents({ orgId: ORG, limit: 100, ...filter });
    expect(listed.rows.map((row) => row.id)).toStrictEqual(ids);
    expect(listed.total).toBe(total);
  });
});
