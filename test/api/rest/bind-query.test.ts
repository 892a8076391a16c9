import { describe, expect, it } from "vitest";
import { AuditService } from "../../../gen/signet/v1/audit_pb.js";
import { BundleService } from "../../../gen/signet/v1/bundle_pb.js";
import { RuntimeService } from "../../../gen/signet/v1/runtime_pb.js";
import { SystemService } from "../../../gen/signet/v1/system_pb.js";
import { bind, refusalOf } from "./bind-fixture.js";
import { onlyMethod } from "./proto-fixture.js";

const { listBundles, listDeployments } = BundleService.method;
const path = { org_id: "o", project_id: "p", env_name: "dev" };

const anything = onlyMethod(
  {
    Request: [
      "string text",
      "repeated string tags",
      "repeated uint32 numbers",
      "repeated Color colors",
      "Color color",
      "bool on",
      "double ratio",
      "sint32 n",
      "Inner inner",
      "repeated Inner inners",
      "map<string, string> labels",
      "string raw [json_text]",
      "google.protobuf.Timestamp at",
      "google.protobuf.FieldMask mask",
      "optional string display_name",
    ],
    Inner: ["string name", "Deep deep"],
    Deep: ["uint32 n"],
    Response: [],
  },
  { rule: { pattern: { case: "get", value: "/x" } } },
);

describe("query", () => {
  it("absent is absent, present is present", () => {
    expect(bind(listBundles, { path })).not.toHaveProperty("limit");
    expect(bind(listBundles, { path, query: "limit=0" })).toMatchObject({ limit: 0 });
    expect(bind(listBundles, { path, query: "limit=5&before_version=9&&" })).toMatchObject({
      limit: 5,
      beforeVersion: 9,
    });
    expect(bind(listDeployments, { path })).toMatchObject({ offset: 0 });
  });

  it.each([
    ["text=", { text: "" }],
    ["text", { text: "" }],
    ["text=a+b%20c%2B", { text: "a b c+" }],
    ["text=a=b", { text: "a=b" }],
    ["t%65xt=a", { text: "a" }],
    ["tags=a&text=x&tags=b,c", { tags: ["a", "b,c"], text: "x" }],
    ["numbers=1&numbers=2", { numbers: [1, 2] }],
    ["colors=RED&colors=GREEN", { colors: [1, 2] }],
    ["color=RED", { color: 1 }],
    ["on=true", { on: true }],
    ["on=false", { on: false }],
    ["ratio=-1.5e2", { ratio: -150 }],
    ["n=-2147483648", { n: -2147483648 }],
    ["inner.name=a&inner.deep.n=3", { inner: { name: "a", deep: { n: 3 } } }],
    ["at=2026-01-02T03:04:05.5Z", { at: { seconds: 1767323045n, nanos: 500_000_000 } }],
    ["at=2026-01-02T04:04:05%2B01:00", { at: { seconds: 1767323045n, nanos: 0 } }],
    ["mask=a,b.c", { mask: { paths: ["a", "b.c"] } }],
    ["mask=", { mask: { paths: [] } }],
    ["display_name=x", { displayName: "x" }],
  ])("%s", (query, expected) => {
    expect(bind(anything, { query })).toMatchObject(expected);
  });

  it.each([
    "unknown=1&unknown=2",
    "displayName=x",
    "DISPLAY_NAME=x",
    "labels=x",
    "labels.a=x",
    "labels[a]=x",
    "inner=x",
    "inners.name=x",
    "raw={}",
    "__proto__=x",
    "__proto__.polluted=x",
    "constructor.prototype.polluted=x",
    "inner.__proto__.polluted=x",
    "at.seconds=5",
    "=x",
    "tags[]=x",
  ])("%s is ignored where no list is answered", (query) => {
    expect(bind(anything, { query })).toEqual(bind(anything, {}));
    expect(Object.prototype).not.toHaveProperty("polluted");
  });

  it.each([
    ["limit=abc", "query.limit type"],
    ["limit=", "query.limit type"],
    ["limit=1.5", "query.limit type"],
    ["limit=1e1", "query.limit type"],
    ["limit=%201", "query.limit type"],
    ["limit=-1", "query.limit range"],
    ["limit=4294967296", "query.limit range"],
    ["limit=1&limit=1", "query.limit duplicate"],
    ["limit=1&%6Cimit=2", "query.limit duplicate"],
  ])("list bundles with %s", (query, refusal) => {
    expect(refusalOf(listBundles, { path, query })).toEqual(["invalid", refusal]);
  });

  it.each([
    ["on=1", "query.on type"],
    ["on=TRUE", "query.on type"],
    ["color=1", "query.color enum"],
    ["color=red", "query.color enum"],
    ["ratio=NaN", "query.ratio type"],
    ["ratio=1e400", "query.ratio type"],
    ["ratio=0x1", "query.ratio type"],
    ["numbers=1&numbers=x", "query.numbers type"],
    ["inner.deep.n=x", "query.inner.deep.n type"],
    ["at=yesterday", "query.at type"],
    ["at=1767323045", "query.at type"],
    ["mask=a%20b", "query.mask type"],
    ["mask=displayName", "query.mask type"],
  ])("anything with %s", (query, refusal) => {
    expect(refusalOf(anything, { query })).toEqual(["invalid", refusal]);
  });

  it.each(["text=%", "text=%zz", "text=%ff", "unknown=%C0%AF", "%ff=1"])("%s is no text", (query) => {
    expect(refusalOf(anything, { query })).toEqual(["malformed"]);
  });

  it("tells of every field at once", () => {
    expect(refusalOf(anything, { query: "on=x&n=x&color=x" })).toEqual([
      "invalid",
      "query.on type",
      "query.n type",
      "query.color enum",
    ]);
  });

  const list = "allowed are limit, before_version, text, label, published_by, source_revision, media_type";
  it.each([
    ["lmit=5", ["lmit"], list],
    ["limit=5&before=9&since=x&before=8", ["before", "since"], list],
    ["beforeVersion=5", ["beforeVersion"], list],
    ["org_id=o", ["org_id"], list],
    ["__proto__=x", ["__proto__"], list],
    ["=x", [""], list],
    [`${"n".repeat(5000)}=x`, [`${"n".repeat(200)}…`], list],
  ])("a list refuses %s", (query, names, text) => {
    const msg = `is unknown: ${text}`;
    const fields = names.map((name) => ({ loc: ["query", name], msg, type: "unknown" }));
    expect(() => bind(listBundles, { path, query })).toThrow(expect.objectContaining({ code: "invalid", fields }));
  });

  it("a list without parameters says so", () => {
    expect(() => bind(SystemService.method.listNodes, { query: "limit=5" })).toThrow("has no parameters");
  });

  it("tells of the first hundred unknown names", () => {
    const query = Array.from({ length: 5000 }, (_, n) => `x${n}=1`).join("&");
    expect(refusalOf(listBundles, { path, query })).toHaveLength(1 + 100);
  });

  it("serves the real methods with times and resumption", () => {
    const query = "since=2026-01-01T00:00:00Z&action=bundle.*&after=3";
    expect(bind(AuditService.method.listAuditEvents, { path: { org_id: "o" }, query })).toMatchObject({
      since: { seconds: 1767225600n },
      action: "bundle.*",
      after: 3,
    });
    const watch = { query: "after_sequence=4&instance_id=i" };
    expect(bind(RuntimeService.method.watchBundle, watch)).toMatchObject({ afterSequence: 4, instanceId: "i" });
  });
});
