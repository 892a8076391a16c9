import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openDataDirectory } from "../../../src/server/database/data-directory.js";
import { testConfig } from "../../support/server.js";
import { openOnPostgres } from "../../store/temporary-store.js";
import { SIGNING_KEY } from "../../upgrade/history.js";
import { Moving } from "./moving.js";

const moving = new Moving();

function open(data: string) {
  const { synchronous } = testConfig({});
  return openDataDirectory({ path: data, signingKey: SIGNING_KEY, synchronous, create: false, nativeDirectory: null });
}

describe("a move there and back", () => {
  it("brings every row, marks what it came from, and says so in the audit", async () => {
    const data = moving.unpack();
    const there = await moving.toPostgres(data);
    expect(there.verified?.bundles).toBeGreaterThan(0);
    expect(there.verified?.auditEvents).toBeGreaterThan(5);
    expect(there.tables.map(({ rows }) => rows).filter((rows) => rows > 0).length).toBeGreaterThan(10);
    await expect(open(data)).rejects.toMatchObject({ code: "conflict", reason: "store_moved" });
    {
      await using store = await openOnPostgres((await moving.database()).url);
      const operator = await store.read.operatorOrganization();
      expect(await store.read.auditHead(operator?.id ?? "")).toMatchObject({
        ...{ action: "server.migrated", actor: "operator" },
        metadata: { from: "sqlite", to: "postgres", moved_from: `the data directory ${data}` },
      });
    }

    const target = join(moving.folder, "back");
    const back = await moving.toSqlite(target);
    const changed = new Set(["audit_events"]);
    const unchanged = (tables: typeof back.tables) => tables.filter(({ name }) => !changed.has(name));
    expect(unchanged(back.tables)).toEqual(unchanged(there.tables));
    await expect(openOnPostgres((await moving.database()).url)).rejects.toMatchObject({ reason: "store_moved" });
    await using directory = await open(target);
    const operator = await directory.store.read.operatorOrganization();
    expect(await directory.store.read.auditHead(operator?.id ?? "")).toMatchObject({
      ...{ action: "server.migrated", metadata: { from: "postgres", to: "sqlite" } },
    });
  });
});
