import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Principal } from "../../../src/core/token.js";
import { readOpaDecisions } from "../../../src/service/documents/opa-reports.js";
import { DecisionFile } from "../../../src/service/opa/decision-file.js";
import { useDirectory } from "../../store/temporary-store.js";

const PRINCIPAL = { orgId: "o", projectId: "p", environmentId: "e", keyPrefix: "sgr_1" } as Principal;
const clock = { now: () => new Date("2026-04-22T12:00:00Z"), monotonicMs: () => 0 };

/** What the worker makes of an upload. */
const linesOf = (file: DecisionFile, ...decisions: string[]) =>
  readOpaDecisions(`[${decisions.join()}]`, file.headOf(PRINCIPAL)).lines;

it("takes objects alone, and not too many", () => {
  expect(() => readOpaDecisions("[{},1]", null)).toThrow("each decision of the log must be a JSON object");
  expect(readOpaDecisions(`[${"{},".repeat(29_999)}{}]`, "{}").count).toBe(30_000);
  expect(() => readOpaDecisions(`[${"{},".repeat(30_000)}{}]`, "{}")).toThrow("more than 30,000 decisions");
});

describe("the file of decisions", () => {
  const directory = useDirectory();
  const path = () => join(directory.path, "decisions.jsonl");

  it("has a line for each decision, with every digit, for its owner alone", async () => {
    const file = new DecisionFile(path(), clock);

    await Promise.all([
      file.write(linesOf(file, '{"n":990000000262240065}', "{}")),
      file.write(linesOf(file, '{"a":[1,{}]}')),
    ]);

    const head = '"org_id":"o","project_id":"p","environment_id":"e","key_prefix":"sgr_1"';
    const lines = readFileSync(path(), "utf8").trimEnd().split("\n");
    expect(lines.map((line) => line.replace(/"received_at":"[^"]*",/, ""))).toEqual([
      `{${head},"decision":{"n":990000000262240065}}`,
      `{${head},"decision":{}}`,
      `{${head},"decision":{"a":[1,{}]}}`,
    ]);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it("is put aside when it is full, in place of the one before", async () => {
    const file = new DecisionFile(path(), clock, 300);
    for (const n of [1, 2, 3, 4, 5]) await file.write(linesOf(file, `{"n":${n}}`));

    expect(readFileSync(path(), "utf8")).toContain('"decision":{"n":5}');
    expect(readFileSync(`${path()}.1`, "utf8")).toContain('"decision":{"n":4}');
    expect(readFileSync(`${path()}.1`, "utf8")).not.toContain('"decision":{"n":1}');
  });

  it("refuses what it cannot write, and what waits for the disk beyond 16 MiB", async () => {
    symlinkSync("/dev/null", path());
    await expect(new DecisionFile(path(), clock).write("{}\n")).rejects.toMatchObject({
      code: "unavailable",
    });

    const missing = new DecisionFile(join(directory.path, "none", "decisions"), clock);
    await expect(missing.write("{}\n")).rejects.toMatchObject({ code: "unavailable", retryAfterSeconds: 5 });

    mkdirSync(join(directory.path, "none"));
    chmodSync(join(directory.path, "none"), 0o700);
    const large = JSON.stringify("x".repeat(9 * 1024 * 1024));
    const [first, second] = await Promise.allSettled([missing.write(large), missing.write(large)]);
    expect([first.status, second.status]).toEqual(["fulfilled", "rejected"]);
    await missing.write("{}\n");
  });
});
