import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { lockDataDirectory, type DirectoryLock } from "../../../src/store/sqlite/lock.js";
import { useDirectory } from "../temporary-store.js";
import { Child } from "./child.js";

const HOLD = `
  import { lockDataDirectory } from "./src/store/sqlite/lock.js";
  try {
    globalThis.lock = lockDataDirectory(process.argv[2]);
    console.log("locked");
    setInterval(() => {}, 1000);
  } catch (error) {
    console.log(JSON.stringify({ code: error.code, message: error.message }));
  }
`;

describe("lockDataDirectory", () => {
  const directory = useDirectory();
  const data = () => path.join(directory.path, "data");
  const locks: DirectoryLock[] = [];
  const children: Child[] = [];

  function lock(): DirectoryLock {
    const taken = lockDataDirectory(data());
    locks.push(taken);
    return taken;
  }

  function childThatLocks(): Child {
    const child = new Child(directory.path, HOLD, [data()]);
    children.push(child);
    return child;
  }

  afterEach(async () => {
    for (const child of children.splice(0)) await child.kill();
    for (const taken of locks.splice(0)) await taken[Symbol.asyncDispose]();
  });

  it("makes the directory, for the owner only", () => {
    expect(lock().directory).toBe(data());
    expect(statSync(data()).mode & 0o777).toBe(0o700);
    expect(statSync(path.join(data(), "signet.lock")).mode & 0o777).toBe(0o600);
    expect(readFileSync(path.join(data(), "signet.pid"), "utf8")).toBe(`${process.pid}\n`);
  });

  it("refuses a second owner in the same process at once, and the first stays", () => {
    lock();
    const refused = expect.objectContaining({
      code: "conflict",
      message: `the data directory ${data()} is in use by another signet process (process ${process.pid})`,
    }) as Error;
    expect(lock).toThrow(refused);
    expect(lock).toThrow(refused);
  });

  it("is free again after it was given up, once or twice", async () => {
    const first = lock();
    await first[Symbol.asyncDispose]();
    const second = lock();
    await first[Symbol.asyncDispose]();
    expect(lock).toThrow("in use");
    expect(existsSync(path.join(data(), "signet.pid"))).toBe(true);
    await second[Symbol.asyncDispose]();
    expect(existsSync(path.join(data(), "signet.pid"))).toBe(false);
  });

  it("refuses another process", async () => {
    lock();
    const [answer] = await childThatLocks().hasWritten(1);
    expect(JSON.parse(answer!)).toStrictEqual({
      code: "conflict",
      message: `the data directory ${data()} is in use by another signet process (process ${process.pid})`,
    });
  });

  it("is held by another process, and free when that was killed", async () => {
    const child = childThatLocks();
    expect(await child.hasWritten(1)).toStrictEqual(["locked"]);
    expect(lock).toThrow(`in use by another signet process (process ${child.pid})`);
    await child.kill();
    lock();
  });

  it.each(["99999999", "nonsense", "-1"])("names no process when the pid file says %s", (text) => {
    lock();
    writeFileSync(path.join(data(), "signet.pid"), text);
    expect(lock).toThrow(/by another signet process$/);
  });

  it("answers unavailable for a directory that cannot be made", () => {
    writeFileSync(data(), "a file");
    expect(lock).toThrow(expect.objectContaining({ code: "unavailable" }) as Error);
  });
});
