import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, afterEach, beforeAll } from "vitest";
import { openPostgresStore } from "../../../src/store/postgres/open.js";
import type { PostgresStore } from "../../../src/store/postgres/store.js";
import type { Writer } from "../../../src/store/store.js";
import { testDatabase, type TestDatabase } from "../../support/postgres/test-database.js";
import { anEvent, anOrganization } from "../sample.js";
import { MIGRATED } from "../temporary-store.js";

/** One database for the tests of a file, and the stores that each of them opens on it. */
export class SharedDatabase {
  database!: TestDatabase;
  /** An organization that is there. */
  orgId = "";
  #open: AsyncDisposable[] = [];

  async make(): Promise<void> {
    this.database = await testDatabase(MIGRATED);
    const organization = anOrganization();
    this.orgId = organization.id;
    await using store = await openNode(this.database.url);
    await store.write((tx) => tx.insertOrganization(organization));
  }

  /** A node; closed after the test. */
  async node(url = this.database.url, directUrl: string | null = null): Promise<PostgresStore> {
    return this.use(await openNode(url, directUrl));
  }

  /** Disposed of after the test, the last one first. */
  use<T extends AsyncDisposable>(resource: T): T {
    this.#open.unshift(resource);
    return resource;
  }

  /** A statement past all stores, as the superuser. */
  async raw<Row extends pg.QueryResultRow>(
    sql: string,
    values: readonly unknown[] = [],
    url = this.database.adminUrl,
  ): Promise<readonly Row[]> {
    const client = new pg.Client(url);
    await client.connect();
    try {
      return (await client.query<Row>(sql, [...values])).rows;
    } finally {
      await client.end();
    }
  }

  /** A connection past all stores. */
  async client(): Promise<pg.Client> {
    const client = new pg.Client(this.database.adminUrl);
    client.on("error", () => undefined);
    await client.connect();
    this.use({ [Symbol.asyncDispose]: () => client.end() });
    return client;
  }

  /** The resources of the audit events, by their number. */
  async numbered(): Promise<readonly { readonly id: number; readonly resource: string }[]> {
    const rows = await this.raw<{ id: string; resource_id: string }>(
      "select id, resource_id from audit_events where org_id = $1 order by id",
      [this.orgId],
    );
    return rows.map(({ id, resource_id }) => ({ id: Number(id), resource: resource_id }));
  }

  async close(): Promise<void> {
    for (const resource of this.#open.splice(0)) await resource[Symbol.asyncDispose]();
  }
}

/** A database for the tests of the file. */
export function useSharedDatabase(): SharedDatabase {
  const shared = new SharedDatabase();
  beforeAll(() => shared.make());
  afterEach(() => shared.close());
  afterAll(() => shared.database[Symbol.asyncDispose]());
  return shared;
}

function openNode(url: string, directUrl: string | null = null): Promise<PostgresStore> {
  const connection = { url, directUrl, ca: null, poolSize: 4, applicationName: "signet test" };
  return openPostgresStore({ ...connection, nodeId: randomUUID() });
}

/** A work that writes the next number of an organization, as the audit does: read the last, add one. */
export function numbering(orgId: string, resourceId: string) {
  return async (tx: Writer): Promise<number> => {
    const id = ((await tx.auditHead(orgId))?.id ?? 0) + 1;
    await tx.insertAuditEvent(anEvent(orgId, id, { resourceId }));
    return id;
  };
}
