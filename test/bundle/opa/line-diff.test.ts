import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { diffLines, hunksOf, type LineDiff } from "../../../src/bundle/opa/line-diff.js";

const side = ({ runs }: LineDiff, left: "added" | "removed") =>
  runs
    .filter(({ kind }) => kind !== left)
    .flatMap(({ lines }) => lines)
    .join("");

const text = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 40 }).map((lines) => lines.join("\n"));

/** By dynamic programming: how many lines are neither added nor removed at best. */
function longestCommon(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const line of a) {
    const next = [0];
    for (const [j, other] of b.entries())
      next.push(line === other ? (row[j] ?? 0) + 1 : Math.max(row[j + 1] ?? 0, next[j] ?? 0));
    row = next;
  }
  return row[b.length] ?? 0;
}

describe("the difference of two texts", () => {
  it("has both texts, and as many common lines as there can be", () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        const diff = diffLines(before, after);
        expect([side(diff, "added"), side(diff, "removed")]).toEqual([before, after]);
        const lines = (of: string) => of.split(/(?<=\n)/).filter((line) => line !== "");
        const common = longestCommon(lines(before), lines(after));
        expect(lines(before).length - diff.removed).toBe(common);
        expect(lines(after).length - diff.added).toBe(common);
      }),
      { numRuns: 500 },
    );
  });

  it("is shown in hunks that can be applied", () => {
    fc.assert(
      fc.property(text, text, fc.integer({ min: 0, max: 3 }), (before, after, context) => {
        const lines = before.split(/(?<=\n)/).filter((line) => line !== "");
        let taken = 0;
        const made: string[] = [];
        for (const { oldStart, oldLines, newStart, newLines, runs } of hunksOf(diffLines(before, after), context)) {
          const at = oldLines === 0 ? oldStart : oldStart - 1;
          made.push(...lines.slice(taken, at));
          expect(made.length).toBe(newLines === 0 ? newStart : newStart - 1);
          for (const { kind, lines: run } of runs) if (kind !== "removed") made.push(...run);
          taken = at + oldLines;
        }
        made.push(...lines.slice(taken));
        expect(made.join("")).toBe(after);
      }),
      { numRuns: 500 },
    );
  });

  it("of texts without anything in common is one change, and takes bounded time", () => {
    const lines = (prefix: string) => Array.from({ length: 200_000 }, (_, i) => `${prefix}${i}\n`).join("");
    const diff = diffLines(`head\n${lines("a")}tail\n`, `head\n${lines("b")}tail\n`);
    expect(diff.runs.map(({ kind }) => kind)).toEqual(["same", "removed", "added", "same"]);
    expect(diff).toMatchObject({ added: 200_000, removed: 200_000 });
  });

  it("tells a missing line feed at the end", () => {
    expect(diffLines("a\nb", "a\nb\n").runs).toEqual([
      { kind: "same", lines: ["a\n"] },
      { kind: "removed", lines: ["b"] },
      { kind: "added", lines: ["b\n"] },
    ]);
    expect(hunksOf(diffLines("a\n", "a\n"))).toEqual([]);
  });
});
