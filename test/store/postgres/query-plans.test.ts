import { Kysely } from "kysely";
import { describe, expect, it } from "vitest";
import { PostgresDialect } from "../../../src/store/postgres/dialect.js";
import { Session } from "../../../src/store/postgres/session.js";
import { createReader } from "../../../src/store/queries/reader.js";
import type { Schema } from "../../../src/store/schema.js";
import { TransactionDriver } from "../../../src/store/transactions/transaction-driver.js";
import { READS } from "../planned-reads.js";
import { useSharedDatabase } from "./shared-store.js";

describe("PostgreSQL has an index for each look-up of the hot path", () => {
  const shared = useSharedDatabase();

  it.each(READS)("%s", async (_name, read) => {
    const client = await shared.client();
    // Of an empty table it would read all, index or not; what it still reads so has no index.
    await client.query("set enable_seqscan = off");
    const asked: { sql: string; parameters: readonly unknown[] }[] = [];
    const dialect = new PostgresDialect(new TransactionDriver(new Session(client)));
    const db = new Kysely<Schema>({ dialect, log: ({ query }) => void asked.push(query) });
    await read(createReader(db));
    expect(asked.length).toBeGreaterThan(0);
    for (const { sql, parameters } of asked) {
      const { rows } = await client.query<{ "QUERY PLAN": string }>(`explain ${sql}`, [...parameters]);
      const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      expect(plan).not.toMatch(/Seq Scan/);
    }
  });
});
