import { randomUUID } from "node:crypto";
import { Client } from "pg";
import { describe, expect, it } from "vitest";
import type { ServerNode } from "../../../src/core/cluster/server-node.js";
import type { PostgresStore } from "../../../src/store/postgres/store.js";
import { testDatabase } from "../../support/postgres/test-database.js";
import { insertTenancy, minutesLater, publish } from "../sample.js";
import { MIGRATED, openOnPostgres } from "../temporary-store.js";

/** What a later release may do: every table gets columns that need not be written, and there is a table more. */
const LATER = `
  do $$ declare it text; begin
    for it in select tablename from pg_tables where schemaname = 'public' and tablename not like 'kysely%' loop
      execute format('alter table %I add column later_text text, add column later_count bigint not null default 7', it);
    end loop;
  end $$;
  create table later_things (id text primary key);
  insert into kysely_migration values ('0099-later', '2030-01-01T00:00:00.000Z')`;

/** The locks that a migration takes. */
const LOCKS = "select pg_advisory_xact_lock(7235419002), pg_advisory_xact_lock(7235419001)";

async function migrateLater(url: string): Promise<void> {
  // As the real one, it begins anew when the database ends it for a read that waits for it.
  await inRaw(url, `begin; ${LOCKS}; ${LATER}; commit`).catch(async (error: unknown) => {
    if ((error as { readonly code?: unknown }).code !== "40P01") throw error;
    await migrateLater(url);
  });
}

function aNode(change: Partial<ServerNode> = {}): ServerNode {
  return {
    ...{ id: randomUUID(), name: "old", version: "1", url: null, startedAt: minutesLater(0), seenAt: minutesLater(0) },
    ...{ streams: 0, polls: 0, schema: "0023-nodes", lagMs: 0, problem: null, stoppingAt: null },
    ...change,
  };
}

/** As before a step, whose columns the test does not use. */
const BEFORE_A_STEP = `
  alter table instances drop column key_ids; alter table public_keys drop column retired_at; drop table nodes;
  delete from kysely_migration where name in ('0020-trusted-keys', '0023-nodes')`;

async function inRaw(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

describe("a node of the release before", () => {
  it.each([
    ["of every table", migrateLater],
    ["as a start does it", async (url: string) => (await openOnPostgres(url))[Symbol.asyncDispose]()],
  ])("goes on reading and writing while a newer one migrates, and after it: %s", async (_, migrate) => {
    await using database = await testDatabase(MIGRATED);
    await using old = await openOnPostgres(database.url);
    if (migrate !== migrateLater) await inRaw(database.url, BEFORE_A_STEP);
    const { organization, project, dev } = await insertTenancy(old);
    let written = 0;
    const stop = new AbortController();
    const failures: unknown[] = [];
    const life = async () => {
      while (!stop.signal.aborted) {
        await old.write((tx) => publish(tx, dev.id, `n${written}`)).catch((error: unknown) => failures.push(error));
        await old.read.environments(project.id).catch((error: unknown) => failures.push(error));
        written += 1;
      }
    };
    const living = life();
    await expect.poll(() => written).toBeGreaterThan(3);
    await migrate(database.url);
    const sofar = written;
    await expect.poll(() => written).toBeGreaterThan(sofar + 3);
    stop.abort();
    await living;
    expect(failures).toEqual([]);
    expect((await old.read.bundles(dev.id, 1)).total).toBe(written);
    await livesOn(old, organization.id, dev.id);
  });

  it("is refused when it starts again, by its reason, while those that run go on", async () => {
    await using database = await testDatabase(MIGRATED);
    await using old = await openOnPostgres(database.url);
    await migrateLater(database.url);
    await expect(openOnPostgres(database.url)).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringMatching(/newer release of Signet.*"0099-later".*start that release/) as string,
    });
    await old.ping();
  });
});

/** Rows that it changes, with columns that it does not know, keep these. */
async function livesOn(old: PostgresStore, orgId: string, environmentId: string): Promise<void> {
  const node = aNode();
  await old.write(async (tx) => {
    await tx.putNode(node, minutesLater(-60));
    const organization = await tx.organization(orgId);
    await tx.updateOrganization({ ...organization!, name: "renamed" });
    const environment = await tx.environmentById(environmentId);
    await tx.updateEnvironment({ ...environment!, position: 9 });
  });
  await old.write((tx) => tx.putNode({ ...node, streams: 3 }, minutesLater(-60)));
  expect(await old.read.organization(orgId)).toMatchObject({ name: "renamed" });
  expect(await old.read.environmentById(environmentId)).toMatchObject({ position: 9 });
  expect(await old.read.nodes(10)).toMatchObject([{ id: node.id, streams: 3 }]);
}
