import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, describe, expect, it } from "vitest";
import { openSqliteStore, type OpenedStore, type OpenOptions } from "../../../src/store/sqlite/open.js";
import { anOrganization } from "../sample.js";
import { useDirectory } from "../temporary-store.js";
import { Child } from "./child.js";

const WRITE_FOR_EVER = `
  import { openSqliteStore } from "./src/store/sqlite/open.js";
  const [, , file, json] = process.argv;
  const store = await openSqliteStore({ file, owner: { accept: null } });
  for (let i = 0; ; i++) {
    await store.write((tx) => tx.insertOrganization({ ...JSON.parse(json), id: "o-" + i, slug: "o-" + i }));
    console.log("o-" + i);
  }
`;

describe("the head file", () => {
  const directory = useDirectory();
  const file = () => path.join(directory.path, "signet.db");
  const head = () => path.join(directory.path, "signet.head");
  const opened: OpenedStore[] = [];
  let child: Child | undefined;

  async function open(options: Partial<OpenOptions> = {}): Promise<OpenedStore> {
    const store = await openSqliteStore({ file: file(), owner: { accept: null }, ...options });
    opened.push(store);
    return store;
  }

  async function add(store: OpenedStore, count = 1): Promise<void> {
    for (let n = 0; n < count; n += 1) await store.write((tx) => tx.insertOrganization(anOrganization()));
  }

  async function close(): Promise<void> {
    for (const store of opened.splice(0)) await store[Symbol.asyncDispose]();
  }

  async function killedAfter(changes: number): Promise<void> {
    child = new Child(directory.path, WRITE_FOR_EVER, [file(), JSON.stringify(anOrganization())]);
    await child.hasWritten(changes);
    await child.kill();
  }

  const refused = (text: string) => ({
    code: "conflict",
    reason: "history_lost",
    message: expect.stringContaining(text) as string,
  });

  afterEach(async () => {
    await child?.kill();
    await close();
  });

  it("lets every clean stop, restart and kill pass", async () => {
    await add(await open(), 3);
    await close();
    await add(await open(), 3);
    await close();
    await killedAfter(5);
    expect((await open()).doubt).toBeNull();
  });

  it("does not count a commit that failed", async () => {
    const store = await open();
    const other = new Database(file());
    other.exec(
      "create table owners (id text primary key);" +
        "create table owned (owner text references owners (id) deferrable initially deferred);" +
        "create trigger orphan after insert on organizations when new.id = 'orphan'" +
        " begin insert into owned (owner) values ('nobody'); end",
    );
    other.close();
    await add(store);
    const lost = store.write((tx) => tx.insertOrganization(anOrganization({ id: "orphan" })));
    await expect(lost).rejects.toMatchObject({ code: "internal" });
    // What it releases the database with fails too, as on a full disk: the file says what was committed, and nothing else.
    const locked = new Database(file());
    locked.exec("create trigger refuse before update of run on commit_head begin select raise(abort, 'full'); end");
    await close();
    locked.exec("drop trigger refuse");
    locked.close();
    expect((await open()).doubt).toBeNull();
  });

  it("tells when the log is missing after a kill", async () => {
    await killedAfter(20);
    for (const suffix of ["-wal", "-shm"]) rmSync(file() + suffix);
    const before = readFileSync(file());
    await expect(open()).rejects.toMatchObject(refused("it is a new one"));
    // Nothing was changed: the log can still be put back.
    expect(readFileSync(file()).equals(before)).toBe(true);
  });

  it("tells how much is missing when an older copy is in its place", async () => {
    await add(await open(), 2);
    await close();
    copyFileSync(file(), `${file()}.copy`);
    await add(await open(), 5);
    await close();
    copyFileSync(`${file()}.copy`, file());
    // Its own beginning and end count as commits too.
    await expect(open()).rejects.toMatchObject(refused("7 commits that were acknowledged are missing"));
  });

  it("tells another database, a new one, and a copy that went its own way", async () => {
    await add(await open(), 2);
    await close();
    copyFileSync(file(), `${file()}.copy`);
    await add(await open(), 1);
    await close();
    const [kept, keptHead] = [readFileSync(file()), readFileSync(head())];

    // The copy with as many commits, but others.
    copyFileSync(`${file()}.copy`, file());
    rmSync(head());
    await add(await open(), 1);
    opened.length = 0;
    const other = new Database(file());
    other.pragma("wal_checkpoint(TRUNCATE)");
    other
      .prepare("update commit_head set commits = ?")
      .run(Number(/ 0*(\d+) [0-9a-f]{16}\n$/.exec(keptHead.toString())?.[1]));
    other.close();
    writeFileSync(head(), keptHead);
    await expect(open()).rejects.toMatchObject(refused("a copy that was changed since"));

    for (const suffix of ["", "-wal", "-shm"]) rmSync(file() + suffix, { force: true });
    await expect(open()).rejects.toMatchObject(refused("a new one"));

    for (const suffix of ["", "-wal", "-shm", ".head"])
      rmSync(suffix === ".head" ? head() : file() + suffix, { force: true });
    await add(await open(), 9);
    await close();
    writeFileSync(head(), keptHead);
    await expect(open()).rejects.toMatchObject(refused("another database"));
    writeFileSync(file(), kept);
    expect((await open()).doubt).toBeNull();
  });

  it("only doubts a database that has none, as a restored backup, and takes a torn one for none", async () => {
    await add(await open(), 2);
    await close();
    writeFileSync(head(), readFileSync(head()).subarray(0, 100));
    expect((await open()).doubt).toContain("no head file");
    await close();
    rmSync(head());
    expect((await open()).doubt).toContain("no head file");
    await close();
    expect((await open()).doubt).toBeNull();
  });

  it("is one line again after a start, however much somebody put into it", async () => {
    await add(await open());
    await close();
    writeFileSync(head(), "x".repeat(10_000));
    expect((await open()).doubt).not.toBeNull();
    await close();
    expect((await open()).doubt).toBeNull();
  });

  it("is told to whom accepts the loss, before the database is taken over", async () => {
    await add(await open(), 2);
    await close();
    copyFileSync(file(), `${file()}.copy`);
    await add(await open(), 2);
    await close();
    copyFileSync(`${file()}.copy`, file());
    const failing = { accept: async () => Promise.reject(new Error("no")) };
    await expect(open({ owner: failing })).rejects.toThrow("no");
    const told: unknown[] = [];
    const accept = async (_store: unknown, loss: unknown) => void told.push(loss);
    await open({ owner: { accept } });
    expect(told).toMatchObject([{ commits: 4, isCertain: true }]);
    await close();
    expect((await open()).doubt).toBeNull();
  });

  it("is of the newest owner: the one before writes no more", async () => {
    const first = await open();
    await add(first);
    const second = await open();
    await expect(add(first)).rejects.toMatchObject({ code: "unavailable", reason: "database_taken_over" });
    await expect(first.lost).resolves.toMatchObject({ reason: "database_taken_over" });
    await add(second);
    // What only reads costs nothing, and is refused nothing.
    await first.write(async (tx) => tx.operatorOrganization());
  });

  it("is kept with synchronous normal at start and stop only: a power cut may take commits that it would know", async () => {
    const store = await open({ synchronous: "normal" });
    const before = readFileSync(head(), "utf8");
    await add(store, 3);
    expect(readFileSync(head(), "utf8")).toBe(before);
    await close();
    expect(readFileSync(head(), "utf8")).not.toBe(before);
    expect(existsSync(`${file()}-wal`)).toBe(false);
  });
});
