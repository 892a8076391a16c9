import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppError } from "../../../src/core/error.js";
import { DiskWatch } from "../../../src/server/disk/disk-watch.js";
import { DiskReserve } from "../../../src/server/disk/reserve.js";
import { createLogger } from "../../../src/server/logger.js";

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly reserveBytes?: number;
}

const MIB = 1024 * 1024;
const RESERVE = MIB;

let directory: string;
let reserve: DiskReserve;
let lines: Line[];
let space: { freeBytes: number; sizeBytes: number };
/** What the database has for new rows. */
let reusableBytes: number;
/** Whether the log is to be kept short, one for each time that it was moved into the file. */
let reclaimed: boolean[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "signet-reserve-"));
  reserve = new DiskReserve(directory);
  lines = [];
  space = { freeBytes: 500 * MIB, sizeBytes: 1000 * MIB };
  reusableBytes = 0;
  reclaimed = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

function watch(options: { readonly reserveBytes?: number; readonly readOnly?: true } = {}): DiskWatch {
  return new DiskWatch({
    ...{ directory, reserve, reserveBytes: options.reserveBytes ?? RESERVE },
    log: createLogger("info", { write: (line) => void lines.push(JSON.parse(line) as Line) }),
    measure: async () => space,
    reclaim:
      options.readOnly === true
        ? null
        : async (isTight) => {
            reclaimed.push(isTight);
            return { reusableBytes };
          },
  });
}

function failing(code: string): AppError {
  const cause = Object.assign(new Error("as the driver says it"), { code });
  return new AppError("unavailable", `the disk of the database is full (${code})`, { cause });
}
const texts = (level: number) => lines.filter((line) => line.level === level).map(({ msg }) => msg);

describe("the reserve", () => {
  const file = () => join(directory, "signet.reserve");

  it("is written, readable by its owner alone, and no file system stores it in less", async () => {
    expect(await reserve.fill(RESERVE, RESERVE)).toBe(true);
    expect(statSync(file())).toMatchObject({ size: RESERVE });
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    const bytes = readFileSync(file());
    expect(gzipSync(bytes.subarray(0, 256 * 1024)).length).toBeGreaterThan(250 * 1024);
  });

  it("is there before there are requests, which could fill the disk first", async () => {
    await watch().start();
    expect(reserve.bytes).toBe(RESERVE);
  });

  it("is released once, which the next process sees", async () => {
    expect(reserve.release()).toBe(false);
    expect(reserve.isReleased).toBe(false);
    await reserve.fill(RESERVE, 0);
    expect(reserve.release()).toBe(true);
    expect(reserve.release()).toBe(false);
    expect(new DiskReserve(directory)).toMatchObject({ bytes: 0, isReleased: true });
  });

  it("that cannot be written rejects and leaves the data directory alone", async () => {
    const nowhere = new DiskReserve(join(directory, "not-there"));
    await expect(nowhere.fill(RESERVE, 0)).rejects.toMatchObject({ code: "ENOENT" });
    expect(nowhere.release()).toBe(false);
  });
});

describe("a full disk", () => {
  it.each(["SQLITE_FULL", "SQLITE_IOERR_SHMSIZE", "ENOSPC", "EDQUOT"])("%s releases the reserve", async (code) => {
    const disk = watch();
    await disk.start();
    await disk.look();
    expect(reserve.bytes).toBe(RESERVE);
    expect(disk.failed(failing(code))).toMatchObject({
      ...{ code: "unavailable", reason: "disk_full", retryAfterSeconds: 30 },
      message: expect.stringContaining(code) as string,
    });
    expect(reserve.bytes).toBe(0);
    expect(disk.refusal).toMatchObject({ reason: "disk_full" });
    expect(disk.figures).toStrictEqual({ ...space, isFull: true });
    expect(reclaimed).toStrictEqual([true]);
  });

  it.each(["SQLITE_BUSY", "SQLITE_IOERR_WRITE", "SQLITE_READONLY", "EROFS"])("%s is no full disk", async (code) => {
    const disk = watch();
    await disk.look();
    expect(disk.failed(failing(code))).toBeNull();
    expect(disk.refusal).toBeNull();
    expect(reserve.bytes).toBe(RESERVE);
    expect(texts(50)).toStrictEqual([]);
  });

  it("is one line of the log, however much fails, and one when it is over", async () => {
    const disk = watch();
    await disk.look();
    space = { ...space, freeBytes: 0 };
    await disk.look();
    for (let n = 0; n < 1000; n += 1) disk.failed(failing("SQLITE_FULL"));
    for (let n = 0; n < 5; n += 1) await disk.look();
    expect(texts(50)).toHaveLength(1);
    expect(texts(50)[0]).toContain("signet prune");
    expect(disk.refusal).not.toBeNull();
    space = { ...space, freeBytes: 300 * MIB };
    await disk.look();
    expect(disk.refusal).toBeNull();
    expect(reserve.bytes).toBe(RESERVE);
    expect(reclaimed.at(-1)).toBe(false);
    expect(texts(30).at(-1)).toContain("has space again");
    disk.failed(failing("SQLITE_FULL"));
    expect(texts(50)).toHaveLength(2);
  });

  it("ends when deletions made space inside of the database, with what the disk has for a reserve", async () => {
    const disk = watch();
    await disk.look();
    reusableBytes = 10 * MIB;
    space = { ...space, freeBytes: MIB };
    disk.failed(failing("SQLITE_FULL"));
    await disk.look();
    await disk.look();
    // That was there before, and was no help.
    expect(disk.refusal).not.toBeNull();
    reusableBytes = 11 * MIB;
    await disk.look();
    expect(disk.refusal).toBeNull();
    expect(reserve.bytes).toBe(MIB / 2);
    expect(reclaimed.at(-1)).toBe(true);
    space = { ...space, freeBytes: 100 * MIB };
    await disk.look();
    expect(reserve.bytes).toBe(RESERVE);
    expect(reclaimed.at(-1)).toBe(false);
  });

  it("goes on after a restart, until there is space", async () => {
    writeFileSync(join(directory, "signet.reserve"), "");
    space = { ...space, freeBytes: MIB };
    const disk = watch();
    await disk.start();
    expect(disk.refusal).toMatchObject({ reason: "disk_full" });
    space = { ...space, freeBytes: 100 * MIB };
    const later = watch();
    await later.start();
    expect(later.refusal).toBeNull();
    expect(reserve.bytes).toBe(RESERVE);
  });

  it("is a state without a reserve too, and no file is made", async () => {
    const disk = watch({ reserveBytes: 0 });
    await disk.start();
    disk.failed(failing("SQLITE_FULL"));
    expect(disk.refusal).not.toBeNull();
    await disk.look();
    expect(disk.refusal).toBeNull();
    expect(reserve).toMatchObject({ bytes: 0, isReleased: false });
  });
});

describe("the size of the reserve", () => {
  it("is an eighth of a small disk, which is said once", async () => {
    space = { freeBytes: 3 * MIB, sizeBytes: 4 * MIB };
    const disk = watch();
    for (let n = 0; n < 3; n += 1) await disk.look();
    expect(reserve.bytes).toBe(MIB / 2);
    expect(lines.filter(({ msg }) => msg.includes("smaller than configured"))).toMatchObject([
      { level: 30, reserveBytes: MIB / 2 },
    ]);
  });

  it("is nothing in a database that is only read", async () => {
    const disk = watch({ readOnly: true });
    await disk.start();
    await disk.look();
    expect(reserve.bytes).toBe(0);
    expect(disk.figures).toStrictEqual({ ...space, isFull: false });
    expect(lines).toStrictEqual([]);
  });
});

it("less than a tenth free is one warning, and another one after it was over", async () => {
  const disk = watch({ reserveBytes: 0 });
  await disk.start();
  for (const percent of [9, 8, 11, 9, 12, 9, 9]) {
    space = { ...space, freeBytes: percent * 10 * MIB };
    await disk.look();
  }
  expect(texts(40)).toHaveLength(2);
  expect(texts(40)[0]).toContain("less than 10 %");
  expect(texts(30)).toHaveLength(1);
});
