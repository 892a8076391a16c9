import { describe, expect, it } from "vitest";
import { formatTable, type Column } from "../../../src/cli/shell/table.js";

const ID = "0b0c0d0e-0000-4000-8000-000000000001";

function table(rows: readonly (readonly string[])[], width: number | undefined): readonly string[] {
  const columns = (rows[0] ?? []).map((_, i): Column<readonly string[]> => [`T${i}`, (row) => row[i]]);
  return formatTable(rows, columns, { bold: false, width }).split("\n").slice(0, -1);
}

describe("a table", () => {
  it("is whole without a width, and when it fits", () => {
    const whole = ["T0  T1", `a   ${"b".repeat(300)}`];
    expect(table([["a", "b".repeat(300)]], undefined)).toEqual(whole);
    expect(table([["a", "b".repeat(300)]], 304)).toEqual(whole);
  });

  it("cuts the widest cells first, and ends them with an ellipsis", () => {
    expect(table([["name", "x".repeat(40), "y".repeat(20)]], 50)).toEqual([
      `T0    T1${" ".repeat(22)}T2`,
      `name  ${"x".repeat(21)}…  ${"y".repeat(20)}`,
    ]);
  });

  it("cuts identifiers last", () => {
    expect(table([[ID, "a text that is longer than the rest of the line"]], 60)[1]).toBe(
      `${ID}  a text that is longer…`,
    );
    expect(table([[ID, "a text"]], 30)[1]).toBe(`${ID.slice(0, 21)}…  a text`);
  });

  it("measures wide and combining characters, and cuts between what readers see", () => {
    const [, wide = ""] = table([["漢字漢字漢字漢字漢字漢字", "e\u0301".repeat(30), "\u{20000}".repeat(12)]], 40);
    expect(wide).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])/);
    expect(wide).toBe(`漢字漢字漢…   ${"e\u0301".repeat(11)}…  ${"\u{20000}".repeat(5)}…`);
  });

  it("never cuts through an escape of a character that cannot be shown", () => {
    for (let width = 10; width < 40; width += 1) {
      const [, row = ""] = table([["aaaaaaaaaaaaa", "\u202e".repeat(9)]], width);
      expect(row.replaceAll("\\u202e", "")).not.toContain("\\");
    }
  });

  it("fits every width down to four columns a cell", () => {
    const cells = ["0123456789".repeat(3), ID, "short", "a longer text with words in it"];
    for (let width = 22; width < 130; width += 1) {
      for (const line of table([cells, ["x", ID, "y", "z"]], width)) expect(line.length).toBeLessThanOrEqual(width);
    }
  });
});
