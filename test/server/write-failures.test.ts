import Database from "better-sqlite3";
import { beforeEach, describe, expect, it } from "vitest";
import { AppError } from "../../src/core/error.js";
import { createLogger } from "../../src/server/logger.js";
import { JobRunner } from "../../src/server/job-runner.js";
import { WriteFailures } from "../../src/server/write-failures.js";

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly cause?: string;
  readonly failures?: Readonly<Record<string, number>>;
}

let lines: Line[];
let failures: WriteFailures;
const log = () => createLogger("info", { write: (line) => void lines.push(JSON.parse(line) as Line) });
beforeEach(() => {
  lines = [];
  failures = new WriteFailures(log());
});

/** As the driver throws it. */
function failing(code: string, message: string): AppError {
  return new AppError("unavailable", message, { cause: new Database.SqliteError(message, code) });
}
const full = () => failing("SQLITE_FULL", "the disk of the database is full (SQLITE_FULL)");

describe("what cannot be written", () => {
  it("is one line when it begins, and one with the count when it is over", () => {
    for (let n = 0; n < 1000; n += 1) failures.failed(full());
    failures.look();
    expect(lines).toMatchObject([
      { level: 50, cause: "SQLITE_FULL", msg: expect.stringContaining("is full (SQLITE_FULL)") as string },
    ]);
    failures.wrote();
    failures.look();
    expect(lines.slice(1)).toMatchObject([{ level: 30, failures: { SQLITE_FULL: 1000 } }]);
    failures.failed(full());
    expect(lines).toHaveLength(3);
  });

  it("has one line for each cause, with a code or without", () => {
    const slow = new AppError("unavailable", "too slow");
    for (let n = 0; n < 3; n += 1)
      for (const error of [full(), failing("SQLITE_IOERR_WRITE", "fails"), slow]) failures.failed(error);
    expect(lines.map(({ cause }) => cause)).toEqual(["SQLITE_FULL", "SQLITE_IOERR_WRITE", "too slow"]);
  });

  it("is not over while some changes still fail, nor before one was written", () => {
    for (let n = 0; n < 100; n += 1) {
      failures.failed(full());
      failures.wrote();
      failures.look();
    }
    failures.look();
    expect(lines).toHaveLength(1);
  });

  it("has told reads that fail for the same reason, until it is over", () => {
    const away = () => new AppError("unavailable", "the database cannot be reached");
    expect(failures.hasTold(away())).toBe(false);
    failures.failed(away());
    expect(failures.hasTold(away())).toBe(true);
    expect(failures.hasTold(full())).toBe(false);
    expect(failures.hasTold(new AppError("internal", "the database cannot be reached"))).toBe(false);
    failures.look();
    failures.wrote();
    failures.look();
    expect(failures.hasTold(away())).toBe(false);
  });

  it("is not what the work itself refuses", () => {
    failures.failed(new AppError("conflict", "taken"));
    failures.failed(new Error("a defect"));
    failures.wrote();
    failures.look();
    expect(lines).toEqual([]);
  });
});

describe("a store on a full disk", () => {
  it("keeps every other log line out, and a job's own failure in", async () => {
    const error = full();
    const read = new AppError("unavailable", "cannot be read");
    const store = failures.watch({
      read: {} as never,
      write: () => Promise.reject(error),
      ping: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
    const jobs = [
      { name: "writes", everyMs: 1, run: () => store.write(() => Promise.resolve()) },
      { name: "reads", everyMs: 1, run: () => Promise.reject(read) },
    ];
    const runner = new JobRunner(log(), failures);
    runner.start(jobs);
    await expect.poll(() => lines.length).toBeGreaterThan(3);
    await runner[Symbol.asyncDispose]();
    const told = lines.filter(({ msg }) => msg !== "a job failed");
    expect(told).toHaveLength(1);
    expect(lines.filter((line) => "job" in line && line.job === "writes")).toEqual([]);
  });
});
