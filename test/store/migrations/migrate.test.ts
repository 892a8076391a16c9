import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { openSqliteStore } from "../../../src/store/sqlite/open.js";
import { anOrganization, minutesLater } from "../sample.js";
import { useStore } from "../temporary-store.js";

describe("migrate", () => {
  const db = useStore();

  function inRaw<T>(work: (raw: Database.Database) => T): T {
    const raw = new Database(db.file);
    try {
      return work(raw);
    } finally {
      raw.close();
    }
  }

  const schema = () => inRaw((raw) => raw.prepare("select name, sql from sqlite_master order by name").all());
  const steps = () => inRaw((raw) => raw.prepare("select * from kysely_migration").all());

  it("changes nothing when it runs again, and keeps what is there", async () => {
    const organization = anOrganization();
    await db.write((tx) => tx.insertOrganization(organization));
    const before = { schema: schema(), steps: steps() };
    const names = before.steps.map((step) => (step as { name: string }).name);
    expect(names[0]).toBe("0001-initial");
    expect(names).toEqual([...new Set(names)].sort());
    await db.reopen();
    expect({ schema: schema(), steps: steps() }).toStrictEqual(before);
    expect(await db.read.organization(organization.id)).toStrictEqual(organization);
  });

  it("tells organizations apart whose slug is the same", async () => {
    const [oldest, newer, newest] = [0, 1, 2].map((minutes) => anOrganization({ createdAt: minutesLater(minutes) }));
    await db.write(async (tx) => {
      for (const organization of [newest, oldest, newer]) await tx.insertOrganization(organization!);
    });
    await db.store[Symbol.asyncDispose]();
    // As before the step.
    inRaw((raw) =>
      raw.exec(
        `drop index organizations_by_slug; drop index organizations_by_name; drop index projects_by_org_id_name;
         delete from kysely_migration where name = '0013-slugs'; update organizations set slug = 'acme'`,
      ),
    );
    await db.reopen();
    expect((await db.read.organizationBySlug("acme"))?.id).toBe(oldest?.id);
    for (const it of [newer, newest]) expect((await db.read.organizationBySlug(`acme-${it?.id}`))?.id).toBe(it?.id);
  });

  it("refuses a database of a newer release with a clear text, and leaves it as it is", async () => {
    await db.store[Symbol.asyncDispose]();
    inRaw((raw) => raw.exec("insert into kysely_migration values ('0099-future', '2030-01-01T00:00:00.000Z')"));
    const before = schema();
    await expect(openSqliteStore({ file: db.file })).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringMatching(/newer release of Signet.*"0099-future"/) as string,
    });
    expect(schema()).toStrictEqual(before);
    // Nothing stayed open: the file can be locked for oneself.
    inRaw((raw) => raw.exec("pragma locking_mode = exclusive; begin exclusive; commit"));
  });

  it("leaves nothing of a step that fails", async () => {
    await db.store[Symbol.asyncDispose]();
    const file = `${db.file}-other`;
    const other = new Database(file);
    other.exec("create table public_keys (mine text)");
    other.close();
    await expect(openSqliteStore({ file })).rejects.toMatchObject({ code: "internal" });
    const after = new Database(file);
    const names = after.prepare("select name from sqlite_master where name like 'bundles%'").all();
    after.close();
    expect(names).toStrictEqual([]);
  });
});
