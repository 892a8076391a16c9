import { create, ScalarType, type DescField, type DescMessage, type Message } from "@bufbuild/protobuf";
import { FieldMaskSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AuditEventSchema, AuditService } from "../../gen/signet/v1/audit_pb.js";
import { BundleDocumentSchema, BundleSchema, BundleService } from "../../gen/signet/v1/bundle_pb.js";
import { OrganizationService } from "../../gen/signet/v1/organization_pb.js";
import { RuntimeService, WatchBundleResponseSchema } from "../../gen/signet/v1/runtime_pb.js";
import { TokenService } from "../../gen/signet/v1/token_pb.js";
import { setField } from "../../src/json-form/fields.js";
import { writeField, writeMessage } from "../../src/json-form/write.js";
import { fieldRulesOf } from "../../src/json-form/field-rules.js";
import { onlyMethod } from "../api/rest/proto-fixture.js";

const OUTPUTS = [
  ...new Set(
    [AuditService, BundleService, OrganizationService, RuntimeService, TokenService].flatMap(({ methods }) =>
      methods.map(({ output }) => output),
    ),
  ),
];

/** Any message of that type: each field set or not. */
function messageOf(desc: DescMessage): fc.Arbitrary<Message> {
  if (desc.typeName === TimestampSchema.typeName) {
    return fc
      .record({ seconds: fc.integer({ min: 0, max: 4_000_000_000 }), nanos: fc.integer({ min: 0, max: 999_999_999 }) })
      .map(({ seconds, nanos }) => create(TimestampSchema, { seconds: BigInt(seconds), nanos }));
  }
  return fc.tuple(...desc.fields.map((field) => fc.option(valueOf(field), { nil: undefined }))).map((values) => {
    const message: Message = create(desc);
    for (const [index, field] of desc.fields.entries()) {
      if (values[index] !== undefined) setField(message, field, values[index]);
    }
    return message;
  });
}

function valueOf(field: DescField): fc.Arbitrary<unknown> {
  if (fieldRulesOf(field).jsonText) return fc.json();
  const item = itemOf(field);
  if (field.fieldKind === "list") return fc.array(item, { maxLength: 3 });
  return field.fieldKind === "map" ? fc.dictionary(fc.string(), item, { maxKeys: 3 }) : item;
}

function itemOf(field: DescField): fc.Arbitrary<unknown> {
  if (field.message !== undefined) return messageOf(field.message);
  if (field.scalar === ScalarType.BOOL) return fc.boolean();
  return field.scalar === ScalarType.STRING ? fc.string({ unit: "binary" }) : fc.nat();
}

/** The names of fields that should be in a written message and are not, and of those that should not be. */
function misfits(desc: DescMessage, value: unknown, at = desc.name): string[] {
  if (desc.typeName === TimestampSchema.typeName) return typeof value === "string" && value.endsWith("Z") ? [] : [at];
  const object = value as Record<string, unknown>;
  const names = desc.fields.map(({ name }) => name);
  const wrong = Object.keys(object).filter((name) => !names.includes(name));
  for (const field of desc.fields) {
    const inner = object[field.name];
    if (inner === undefined) wrong.push(`${at}.${field.name}`);
    if (field.fieldKind === "list" && !Array.isArray(inner)) wrong.push(`${at}.${field.name} is no array`);
    if (field.message === undefined || inner === null || inner === undefined) continue;
    const items = field.fieldKind === "message" ? [inner] : Object.values(inner);
    for (const item of items) wrong.push(...misfits(field.message, item, `${at}.${field.name}`));
  }
  return wrong;
}

describe("writeMessage", () => {
  it.each(OUTPUTS.map((desc) => [desc.name, desc] as const))("writes every field of any %s", (_name, desc) => {
    expect(misfits(desc, JSON.parse(writeMessage(desc, create(desc))))).toEqual([]);
    fc.assert(
      fc.property(messageOf(desc), (message) => {
        const text = writeMessage(desc, message);
        expect(misfits(desc, JSON.parse(text))).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  it("writes null for what is unset, and nothing else", () => {
    expect(JSON.parse(writeMessage(BundleSchema, create(BundleSchema)))).toEqual({
      ...{ id: "", version: 0, policy_hash: "", is_active: false, published_by: null, published_at: null, title: null },
      ...{
        description: null,
        labels: {},
        source: null,
        origin: "",
        media_type: "",
        deployment_id: null,
        sequence: null,
      },
      ...{ warnings: [], change: null, activated_at: null, replaced_at: null },
    });
    const set = create(BundleSchema, { publishedBy: "", sequence: 0, source: {} });
    expect(JSON.parse(writeMessage(BundleSchema, set))).toMatchObject({
      published_by: "",
      sequence: 0,
      source: { repository: "", revision: "", url: "" },
    });
  });

  it("writes the members of a oneof that are unset", () => {
    const message = create(WatchBundleResponseSchema, { sequence: 3, event: { case: "nothingActive", value: {} } });
    expect(writeMessage(WatchBundleResponseSchema, message)).toBe(
      '{"sequence":3,"activation":null,"nothing_active":{"attestation":null},"heartbeat":null,"trust_root":null,"deployment_id":null}',
    );
  });

  it("writes a json_text as it is, and null for an empty one", () => {
    const metadata = '{"a" : 1.0, "b":\t[1e2]}';
    expect(writeMessage(AuditEventSchema, create(AuditEventSchema, { metadata }))).toContain(`"metadata":${metadata},`);
    expect(writeMessage(AuditEventSchema, create(AuditEventSchema))).toContain('"metadata":null,');
  });

  it("writes timestamps in UTC, to the nanosecond", () => {
    const at = (nanos: number) =>
      writeField(
        BundleSchema.field.publishedAt,
        create(BundleSchema, { publishedAt: { seconds: 1767323045n, nanos } }),
      );
    expect(at(0)).toBe('"2026-01-02T03:04:05Z"');
    expect(at(500_000_000)).toBe('"2026-01-02T03:04:05.500Z"');
    expect(at(1)).toBe('"2026-01-02T03:04:05.000000001Z"');
  });

  it("keeps keys and characters that JSON has to escape", () => {
    const labels = Object.fromEntries([
      ['a"b\n', "\u2028\\"],
      ["constructor", "x"],
    ]);
    Object.defineProperty(labels, "__proto__", { value: "p", enumerable: true });
    const text = writeMessage(BundleSchema, create(BundleSchema, { labels }));
    expect(text).toContain('"labels":{"a\\"b\\n":"\u2028\\\\","constructor":"x","__proto__":"p"}');
  });

  it("writes enums by name, lists, nested maps and masks", () => {
    const { output } = onlyMethod(
      {
        Request: [],
        Response: [
          "Color color",
          "repeated Color colors",
          "optional Color maybe",
          "map<string, Response> more",
          "google.protobuf.FieldMask mask",
          "double ratio",
        ],
      },
      { rule: { pattern: { case: "get", value: "/x" } } },
    );
    const init = { color: 1, colors: [2, 9], mask: create(FieldMaskSchema, { paths: ["a_b", "c"] }), ratio: 1.5 };
    const text = writeMessage(output, create(output, { ...init, more: { k: {} } }));
    const empty = { color: "COLOR_UNSPECIFIED", colors: [], maybe: null, more: {}, mask: null, ratio: 0 };
    const written = { color: "RED", colors: ["GREEN", 9], maybe: null, mask: "a_b,c", ratio: 1.5 };
    expect(JSON.parse(text)).toEqual({ ...written, more: { k: empty } });
  });
});

describe("writeField", () => {
  it("writes a document of any size as the very text", () => {
    const document = `{"pad":"${"x".repeat(1_000_000)}"}`;
    const written = writeField(BundleDocumentSchema.field.document, create(BundleDocumentSchema, { document }));
    expect(written).toBe(document);
    expect(writeField(BundleDocumentSchema.field.document, create(BundleDocumentSchema))).toBe("null");
  });

  it("writes a list as a bare array", () => {
    const { output } = BundleService.method.listBundles;
    const list = create(output, { bundles: [{ version: 1 }, { version: 2 }] });
    const items = JSON.parse(writeField(output.field.bundles, list)) as { version: number; title: unknown }[];
    expect(items.map(({ version, title }) => [version, title])).toEqual([
      [1, null],
      [2, null],
    ]);
  });
});
