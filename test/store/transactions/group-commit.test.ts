import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { migrate } from "../../../src/store/migrations/migrate.js";
import { Kysely } from "kysely";
import type { Schema } from "../../../src/store/schema.js";
import { SqliteDialect } from "../../../src/store/sqlite/dialect.js";
import { SqliteDriver } from "../../../src/store/sqlite/driver.js";
import type { Channel } from "../../../src/store/sqlite/channel.js";
import { GROUP_LIMITS, sqliteGroups } from "../../../src/store/sqlite/store.js";
import { LocalChannel } from "../../../src/store/sqlite/local-channel.js";
import { sqliteMigrationDialect } from "../../../src/store/sqlite/migration-dialect.js";
import type { Writer } from "../../../src/store/store.js";
import { anOrganization } from "../sample.js";

/** One work that adds an organization. */
function adding(id: string) {
  return async (tx: Writer) => {
    await tx.insertOrganization(anOrganization({ id }));
    return id;
  };
}

describe("transactions that come in together", () => {
  let database: Database.Database;
  let driver: SqliteDriver;
  let groups: ReturnType<typeof sqliteGroups>;
  let log: string[];

  beforeEach(async () => {
    log = [];
    database = new Database(":memory:", { verbose: (sql) => void log.push(String(sql)) });
    database.pragma("foreign_keys = ON");
    driver = new SqliteDriver(new LocalChannel(database));
    await migrate(new Kysely<Schema>({ dialect: new SqliteDialect(driver) }), sqliteMigrationDialect);
    groups = sqliteGroups(driver, { ...GROUP_LIMITS, maxMs: Infinity });
    log = [];
  });
  afterEach(() => driver.close());

  const ids = () => database.prepare("select id from organizations order by id").pluck().all();
  const commits = () => log.filter((sql) => sql === "commit").length;

  it("are one commit, and each is answered with its own answer", async () => {
    const answers = await Promise.all(["a", "b", "c"].map((id) => groups.run(adding(id))));
    expect(answers).toStrictEqual(["a", "b", "c"]);
    expect(commits()).toBe(1);
    expect(ids()).toStrictEqual(["a", "b", "c"]);
  });

  it("are answered after the commit, the refused ones too", async () => {
    const told: string[] = [];
    const tell = (text: string) => () => void told.push(`${text} after ${commits()}`);
    const refused = groups.run(async () => Promise.reject(new Error("no")));
    await Promise.all([groups.run(adding("a")).then(tell("a")), refused.catch(tell("refused"))]);
    expect(told.toSorted()).toStrictEqual(["a after 1", "refused after 1"]);
  });

  it("one that fails takes back its own changes and no other's", async () => {
    const reason = new Error("changed its mind");
    const results = await Promise.allSettled([
      groups.run(adding("a")),
      groups.run(async (tx) => {
        await adding("b")(tx);
        throw reason;
      }),
      groups.run(adding("c")),
      groups.run(adding("a")),
    ]);
    expect(results.map(({ status }) => status)).toStrictEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
    expect(results[1]).toMatchObject({ reason });
    expect(results[3]).toMatchObject({ reason: { code: "conflict" } });
    expect(ids()).toStrictEqual(["a", "c"]);
    expect(commits()).toBe(1);
  });

  it("a statement that a failed one did not wait for is refused, and does not get into the next one", async () => {
    let late: Promise<unknown> = Promise.resolve();
    const failed = groups.run(async (tx) => {
      late = Promise.resolve()
        .then(() => new Promise((resolve) => setImmediate(resolve)))
        .then(() => adding("late")(tx));
      late.catch(() => undefined);
      throw new Error("no");
    });
    const next = groups.run(async (tx) => {
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      return await adding("next")(tx);
    });
    await expect(failed).rejects.toThrow("no");
    await expect(next).resolves.toBe("next");
    await expect(late).rejects.toMatchObject({ code: "internal" });
    expect(ids()).toStrictEqual(["next"]);
  });

  it("all fail, and leave nothing, when the commit does", async () => {
    // A trigger of the database's own that only a commit meets: a deferred foreign key.
    database.exec("create table owners (id text primary key)");
    database.exec(
      "create table owned (owner text references owners (id) deferrable initially deferred);" +
        "create trigger orphan after insert on organizations when new.id = 'orphan'" +
        " begin insert into owned (owner) values ('nobody'); end",
    );
    const results = await Promise.allSettled([
      groups.run(adding("a")),
      groups.run(adding("orphan")),
      groups.run(async () => Promise.reject(new Error("own reason"))),
    ]);
    for (const result of results) expect(result).toMatchObject({ status: "rejected", reason: { code: "internal" } });
    expect(ids()).toStrictEqual([]);
    expect(database.inTransaction).toBe(false);
    await groups.run(adding("later"));
    expect(ids()).toStrictEqual(["later"]);
  });

  it("all fail when the database gives the transaction up, and the next group goes on", async () => {
    const lost = groups.run(async (tx) => {
      await adding("a")(tx);
      // As SQLite does by itself on a full disk.
      database.exec("rollback");
      return await adding("b")(tx);
    });
    const before = groups.run(adding("c"));
    await expect(lost).rejects.toMatchObject({ code: "unavailable" });
    expect(await before).toBe("c");
    expect(ids()).toStrictEqual(["c"]);
  });

  it("one that comes in while others run is in their commit; 64 are the most", async () => {
    const many = Array.from({ length: 65 }, (_, n) => `o${String(n).padStart(2, "0")}`);
    await Promise.all(many.map((id) => groups.run(adding(id))));
    expect(commits()).toBe(2);
    expect(ids()).toStrictEqual(many);

    log = [];
    let second: Promise<string> | undefined;
    await groups.run(async (tx) => {
      second = groups.run(adding("second"));
      return await adding("first")(tx);
    });
    await second;
    expect(commits()).toBe(1);
  });

  it("no more wait than may, nor longer, while the database does not answer", async () => {
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const local = new LocalChannel(database);
    const slow: Channel = {
      lost: local.lost,
      async run(steps) {
        await answered;
        return await local.run(steps);
      },
    };
    const limited = sqliteGroups(new SqliteDriver(slow), { ...GROUP_LIMITS, maxWaiting: 2, maxWaitMs: 0 });
    const begun = limited.run(adding("begun"));
    const refused = await Promise.allSettled(["b", "c", "d"].map((id) => limited.run(adding(id))));
    for (const result of refused) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "unavailable", retryAfterSeconds: 1 } });
    }
    answer();
    expect(await begun).toBe("begun");
    expect(ids()).toStrictEqual(["begun"]);
  });

  it("a closed one lets those in line end, and refuses others", async () => {
    const inLine = ["a", "b"].map((id) => groups.run(adding(id)));
    const closed = groups.close();
    await expect(groups.run(adding("c"))).rejects.toMatchObject({ code: "unavailable" });
    await closed;
    expect(await Promise.all(inLine)).toStrictEqual(["a", "b"]);
    expect(ids()).toStrictEqual(["a", "b"]);
  });
});
