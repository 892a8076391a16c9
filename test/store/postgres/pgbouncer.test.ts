import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sharedDatabases } from "../../support/postgres/test-database.js";
import { missingForPgBouncer, startPgBouncer, type PgBouncer } from "../../support/postgres/pgbouncer.js";
import { insertTenancy, publish } from "../sample.js";
import { numbering, useSharedDatabase } from "./shared-store.js";

const missing = missingForPgBouncer();

describe.skipIf(missing !== null)("through PgBouncer in transaction mode", () => {
  const shared = useSharedDatabase();
  let bouncer: PgBouncer;
  beforeAll(async () => {
    bouncer = await startPgBouncer(await sharedDatabases(), { default_pool_size: "2" });
  });
  afterAll(() => bouncer[Symbol.asyncDispose]());

  it("two nodes write in turn, hear of each other, and leave nothing behind on the server's connections", async () => {
    const { url } = shared.database;
    const nodes = [await shared.node(bouncer.through(url), url), await shared.node(bouncer.through(url), url)];
    const numbers = await Promise.all(
      Array.from({ length: 60 }, (_, n) => nodes[n % 2]!.write(numbering(shared.orgId, `b${n}`))),
    );
    expect(numbers.toSorted((a, b) => a - b)).toStrictEqual(Array.from({ length: 60 }, (_, n) => n + 1));
    const heard: string[] = [];
    nodes[1]!.feed.follow({
      changed: (changes) =>
        void heard.push(...changes.map(({ kind }) => kind).filter((kind) => kind !== "audit" && kind !== "project")),
      missed: () => undefined,
    });
    const { dev } = await insertTenancy(nodes[0]!);
    await nodes[0]!.write((tx) => publish(tx, dev.id));
    await expect.poll(() => heard, { timeout: 10_000 }).toStrictEqual(["environment"]);
    expect((await nodes[1]!.read.environmentById(dev.id))?.activeVersion).toBe(1);

    // The server's connections, one after the other.
    const names = ["idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout", "synchronous_commit"];
    const settings = `select ${names.map((name) => `current_setting('${name}') as ${name}`).join()}`;
    const seen = await Promise.all(
      Array.from({ length: 4 }, () => shared.raw<Record<string, string>>(settings, [], bouncer.through(url))),
    );
    for (const [values] of seen) expect(Object.values(values ?? {})).toStrictEqual(["0", "0", "0", "on"]);
    const locks = await shared.raw(
      "select 1 from pg_locks l join pg_database d on d.oid = l.database where l.locktype = 'advisory' and d.datname = current_database()",
    );
    const prepared = await shared.raw("select 1 from pg_prepared_statements", [], bouncer.through(url));
    expect([locks, prepared]).toStrictEqual([[], []]);
  });
});
