import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { AuditEventSchema } from "../../../gen/signet/v1/audit_pb.js";
import { csvCell } from "../../../src/console/screens/audit/csv.js";
import { exportAudit, type ExportForm } from "../../../src/console/screens/audit/export.js";
import { metadataRows } from "../../../src/console/screens/audit/metadata.js";

const events = [5, 4, 3, 2, 1].map((id) =>
  create(AuditEventSchema, {
    ...{ id, actor: "signet_ci_x", action: "bundle.activated", resourceType: "bundle", resourceId: "b" },
    metadata: `{"reason":"=cmd|'/c calc'!A1","n":990000000262240065}`,
    createdAt: timestampFromDate(new Date(1_700_000_000_000)),
    performedBy: { prefix: "signet_ci_x", kind: "ci", name: '+deploy, "bot"' },
  }),
);

async function exported(form: ExportForm, pageSize = 2) {
  const seen: number[] = [];
  const file = await exportAudit(
    {
      form,
      read: async (before = 6) => events.filter(({ id }) => id < before).slice(0, pageSize),
      onProgress: (written) => seen.push(written),
    },
    new AbortController().signal,
  );
  return { text: await file.text(), seen };
}

describe("an export of the audit", () => {
  it("as JSON lines has every event as the API has it, numbers as they are", async () => {
    const { text, seen } = await exported("jsonl");
    const lines = text.trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { id: number }).id)).toEqual([5, 4, 3, 2, 1]);
    expect(lines[0]).toContain(`"n":990000000262240065`);
    expect(seen).toEqual([2, 4, 5]);
  });

  it("as CSV has a head, and no cell that a spreadsheet takes for a formula", async () => {
    const rows = (await exported("csv")).text.trimEnd().split("\r\n");
    expect(rows).toHaveLength(6);
    expect(rows[0]).toMatch(/^"id","created_at","action"/);
    expect(rows[1]).toContain(`"'+deploy, ""bot"""`);
    expect(rows[1]).toContain(`"2023-11-14T22:13:20.000Z"`);
  });

  it.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "|cmd", "%x"])("makes %j a text", (text) => {
    expect(csvCell(text)).toBe(`"'${text}"`);
  });

  it.each([
    ["a", `"a"`],
    [7, `"7"`],
    ['say "x"\nagain, b', `"say ""x""\nagain, b"`],
  ])("quotes %j", (value, cell) => expect(csvCell(value)).toBe(cell));
});

describe("the metadata of an event", () => {
  it("is shown member by member with its numbers as they stand there", () => {
    const rows = metadataRows(`{"a":"x\\"y","n":990000000262240065,"f":1.0,"l":["b",1e-05],"t":true,"z":null}`);
    expect(rows.map(({ name, value }) => [name, value])).toEqual([
      ["a", 'x"y'],
      ["n", "990000000262240065"],
      ["f", "1.0"],
      ["l", '[\n  "b",\n  1e-05\n]'],
      ["t", "true"],
      ["z", "null"],
    ]);
  });

  it.each(["", "[]", "null", "{", "7"])("%j has no member", (text) => expect(metadataRows(text)).toEqual([]));
});
