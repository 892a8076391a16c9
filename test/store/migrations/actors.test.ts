import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import Database from "better-sqlite3";
import { expect, it } from "vitest";
import { openSqliteStore } from "../../../src/store/sqlite/open.js";
import { useDirectory } from "../temporary-store.js";

/** Of the release before: its newest migration is 0014. */
const NUMBERS = Array.from({ length: 14 }, (_, n) => String(n + 1).padStart(4, "0"));
const BEFORE = join(import.meta.dirname, "../../upgrade/directories", NUMBERS.join("-"), "signet.db.gz");

const directory = useDirectory();

it("finds events of before by project, environment, and every name of a token; its activations name nobody", async () => {
  const file = join(directory.path, "signet.db");
  writeFileSync(file, gunzipSync(readFileSync(BEFORE)));
  const raw = new Database(file);
  const { org_id: orgId, id: last } = raw
    .prepare("select org_id, id from audit_events order by id desc limit 1")
    .get() as { org_id: string; id: number };
  const insert = raw.prepare(`insert into audit_events (org_id, id, actor, action, resource_type, resource_id, metadata,
    created_at, signature, prev_signature, key_id) values (?, ?, ?, ?, ?, ?, ?, '2026-11-27T00:00:00.000Z', 's', 'p', 'k')`);
  const add = (n: number, actor: string, [action, type, id]: readonly string[], metadata: object) =>
    insert.run(orgId, last + n, actor, action, type, id, JSON.stringify(metadata));
  // A token that was rotated, and is gone since.
  add(1, "operator", ["token.created", "token", "99"], { key_prefix: "ci_old", name: "night shift", project_id: "p" });
  add(2, "ci_old", ["bundle.published", "bundle", "b"], { project_id: "p", environment: "dev" });
  add(3, "operator", ["token.rotated", "token", "99"], { from_prefix: "ci_old", key_prefix: "ci_new" });
  add(4, "ci_new", ["environment.deleted", "environment", "e"], { project_id: "p", name: "dev" });
  add(5, "operator", ["project.deleted", "project", "p"], { name: "P" });
  raw.close();

  await using store = await openSqliteStore({ file });
  const found = async (filter: object) => {
    const { rows, total } = await store.read.auditEvents({ orgId, limit: 10, ...filter });
    expect(total).toBe(rows.length);
    return rows.map(({ id }) => id - last);
  };
  for (const actor of ["night shift", "99", "ci_old", "ci_new"]) expect(await found({ actor })).toEqual([4, 2]);
  expect(await found({ projectId: "p" })).toEqual([5, 4, 2, 1]);
  expect(await found({ projectId: "p", environment: "dev" })).toEqual([4, 2]);
  const [project] = (await store.read.projects(orgId, { limit: 1, offset: 0 })).rows;
  const [dev] = await store.read.environments(project?.id ?? "");
  const { rows } = await store.read.deployments(dev?.id ?? "", { limit: 1, offset: 0 });
  expect(rows[0]).toMatchObject({ performedBy: null, reason: null, sourceEnvironment: null });
});
