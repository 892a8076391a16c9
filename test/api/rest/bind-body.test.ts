import { describe, expect, it } from "vitest";
import { BundleService } from "../../../gen/signet/v1/bundle_pb.js";
import { OrganizationService } from "../../../gen/signet/v1/organization_pb.js";
import { RuntimeService } from "../../../gen/signet/v1/runtime_pb.js";
import { TokenService } from "../../../gen/signet/v1/token_pb.js";
import { bind, refusalOf } from "./bind-fixture.js";
import { onlyMethod } from "./proto-fixture.js";

const { publishBundle, promoteBundle } = BundleService.method;
const { createEnvironment } = OrganizationService.method;
const { sendTelemetry, sendHeartbeat, reportStatus } = RuntimeService.method;
const path = { org_id: "o", project_id: "p", env_name: "dev" };

const anything = onlyMethod(
  {
    Request: [
      "int32 n",
      "uint32 u",
      "double ratio",
      "bool on",
      "Color color",
      "Inner inner",
      "repeated Inner inners",
      "google.protobuf.Timestamp at",
      "google.protobuf.FieldMask mask",
      "choice: string a",
      "choice: uint32 b",
      "map<string, Inner> named",
    ],
    Inner: ["string name", "repeated uint32 numbers"],
    Response: [],
  },
  { rule: { pattern: { case: "post", value: "/x" }, body: "*" } },
);

const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

describe("body of all fields", () => {
  it.each(["", " ", "\r\n\t ", "{}", " {} "])("%j is an empty object", (body) => {
    expect(bind(promoteBundle, { path: { org_id: "o", project_id: "p", source_env: "dev" }, body })).toEqual({
      orgId: "o",
      projectId: "p",
      sourceEnv: "dev",
      dryRun: false,
    });
  });

  it("fills fields by their proto names", () => {
    const body = `{"title": "t", "labels": {"a": "b"}, "source": {"repository": "r", "revision": null}, "activate": false,
      "publishedBy": "camel", "unknown": {"deep": [1]}, "published_by": ""}`;
    expect(bind(publishBundle, { path, body })).toEqual({
      ...{ orgId: "o", projectId: "p", envName: "dev", title: "t", activate: false, publishedBy: "", dryRun: false },
      labels: { a: "b" },
      source: { $typeName: "signet.v1.BundleSource", repository: "r", revision: "", url: "" },
    });
  });

  it.each([
    ['{"n": 1.0, "u": 1e0, "ratio": 1}', { n: 1, u: 1, ratio: 1 }],
    ['{"n": -2147483648, "u": 4294967295}', { n: -2147483648, u: 4294967295 }],
    ['{"color": "RED", "on": true}', { color: 1, on: true }],
    ['{"at": "2026-01-02T03:04:05.000000001Z"}', { at: { nanos: 1 } }],
    ['{"mask": "a,b_c"}', { mask: { paths: ["a", "b_c"] } }],
    ['{"inners": [{"name": "x", "numbers": [1, 2]}, {}]}', { inners: [{ name: "x", numbers: [1, 2] }, { name: "" }] }],
    ['{"named": {"x": {"name": "y"}}}', { named: { x: { name: "y" } } }],
    ['{"a": "x"}', { choice: { case: "a", value: "x" } }],
    ['{"a": null, "b": 0}', { choice: { case: "b", value: 0 } }],
  ])("%s", (body, expected) => {
    expect(bind(anything, { body })).toMatchObject(expected);
  });

  it("-0 is 0", () => {
    expect(Object.is(bind(anything, { body: '{"n": -0}' })["n"], 0)).toBe(true);
  });

  it.each([
    ['{"n": "1"}', "body.n type"],
    ['{"n": 1.5}', "body.n type"],
    ['{"n": true}', "body.n type"],
    ['{"n": 1e400}', "body.n number_overflow"],
    ['{"n": 2147483648}', "body.n range"],
    ['{"u": -1}', "body.u range"],
    ['{"u": 4294967296}', "body.u range"],
    ['{"ratio": "NaN"}', "body.ratio type"],
    ['{"on": "true"}', "body.on type"],
    ['{"on": 0}', "body.on type"],
    ['{"color": 1}', "body.color enum"],
    ['{"color": "BLUE"}', "body.color enum"],
    ['{"inner": []}', "body.inner type"],
    ['{"inner": "x"}', "body.inner type"],
    ['{"inner": {"name": 1}}', "body.inner.name type"],
    ['{"inners": {}}', "body.inners type"],
    ['{"inners": [{}, null]}', "body.inners.1 type"],
    ['{"inners": [{"numbers": [1, "2"]}]}', "body.inners.0.numbers.1 type"],
    ['{"named": {"x": null}}', "body.named.x type"],
    ['{"named": []}', "body.named type"],
    ['{"at": 5}', "body.at type"],
    ['{"at": "2026-02-30T00:00:00Z"}', "body.at type"],
    ['{"mask": ["a"]}', "body.mask type"],
    ['{"a": "x", "b": 1}', "body.b oneof"],
    ["[]", "body type"],
    ['"x"', "body type"],
    ["5", "body type"],
    ['{"n": 1, "n": 1}', "body.n duplicate_key"],
    ['{"unknown": {"a": 1, "a": 1}}', "body.unknown.a duplicate_key"],
    ['{"__proto__": {"on": true}}', "body.__proto__ prototype_key"],
    ['{"n": 9007199254740993}', "body.n integer_precision"],
    [`{"unknown": ${nested(10_000)}}`, `body.unknown${".0".repeat(64)} depth`],
  ])("%.60s is refused", (body, refusal) => {
    expect(refusalOf(anything, { body })).toEqual(["invalid", refusal]);
  });

  it.each([
    "{",
    "{}x",
    "{'a': 1}",
    '{"a": 01}',
    '{"a": NaN}',
    '{"a": 1,}',
    "[1,]",
    '"\\x"',
    "// x",
    "undefined",
    "{a: 1}",
  ])("%s is no JSON", (body) => {
    expect(refusalOf(anything, { body })).toEqual(["malformed"]);
  });

  it("tells of every field at once, and of no more than a hundred", () => {
    const body = '{"title": 1, "labels": {"x": 5, "y": "ok", "z": null}, "activate": "no", "source": {"url": false}}';
    expect(refusalOf(publishBundle, { path, body })).toEqual([
      ...["invalid", "body.title type", "body.labels.x type", "body.labels.z type", "body.activate type"],
      "body.source.url type",
    ]);
    const many = `{"inners": [${Array(1_000).fill("1").join(",")}]}`;
    expect(refusalOf(anything, { body: many })).toHaveLength(101);
  });

  it("does not repeat a key as long as the body", () => {
    const body = `{"labels": {"${"k".repeat(100_000)}": 1}}`;
    expect(refusalOf(publishBundle, { path, body })[1]?.length).toBeLessThan(300);
  });

  it("keys that every object has are keys like others", () => {
    const body = '{"labels": {"constructor": "a", "toString": "b", "hasOwnProperty": "c"}}';
    const labels = bind(publishBundle, { path, body })["labels"] as Record<string, string>;
    expect(Object.entries(labels)).toEqual([
      ["constructor", "a"],
      ["toString", "b"],
      ["hasOwnProperty", "c"],
    ]);
    const none = bind(publishBundle, { path, body: '{"labels": {}}' })["labels"] as Record<string, string>;
    expect(none["constructor"]).toBeUndefined();
    expect(Object.prototype).not.toHaveProperty("a");
  });
});

describe("json_text", () => {
  it.each([
    ['{"a" : 1.0,\n "b":"\\u00e9"}', '{"a" : 1.0,\n "b":"\\u00e9"}'],
    ["[1]", "[1]"],
    ['"text"', '"text"'],
    ["1.50", "1.50"],
    ["true", "true"],
  ])("keeps the spelling of %s", (value, expected) => {
    expect(bind(publishBundle, { path, body: `{ "policies" :  ${value}  , "title": "x"}` })).toMatchObject({
      policies: expected,
      title: "x",
    });
  });

  it("null is absent", () => {
    const bound = bind(publishBundle, { path, body: '{"policies": null, "scope_policies": {}}' });
    expect(bound).not.toHaveProperty("policies");
    expect(bound).toMatchObject({ scopePolicies: "{}" });
  });

  it("has all the levels of a policy, wherever it stands", () => {
    expect(bind(publishBundle, { path, body: `{"policies": ${nested(64)}}` })).toHaveProperty("policies", nested(64));
    expect(refusalOf(publishBundle, { path, body: `{"policies": ${nested(65)}}` })[1]).toMatch(
      /^body\.policies.* depth$/,
    );
    expect(bind(sendTelemetry, { body: nested(64) })).toEqual({ events: nested(64) });
    expect(refusalOf(sendTelemetry, { body: nested(65) })[1]).toMatch(/ depth$/);
    expect(refusalOf(sendTelemetry, { body: nested(10_000) })[1]).toMatch(/ depth$/);
  });

  it("what JSON.parse would lose of it is refused", () => {
    expect(refusalOf(publishBundle, { path, body: '{"policies": {"a": 1, "a": 2}}' })).toEqual([
      "invalid",
      "body.policies.a duplicate_key",
    ]);
    expect(refusalOf(publishBundle, { path, body: '{"policies": {"\\u005f_proto__": 2}}' })).toEqual([
      "invalid",
      "body.policies.__proto__ prototype_key",
    ]);
    expect(refusalOf(publishBundle, { path, body: '{"policies": "\\ud800"}' })).toEqual([
      "invalid",
      "body.policies lone_surrogate",
    ]);
  });

  it("takes any JSON where the field says so", () => {
    expect(bind(sendHeartbeat, { body: '{"models": ["m"], "env": {"A": 1}, "mode": "x"}' })).toEqual({
      models: '["m"]',
      env: '{"A": 1}',
      mode: "x",
    });
  });
});

describe("body of one field", () => {
  it.each(['[{"a": 1}]', ' {"events": []} ', '"x"', "5", "false"])("%s is the raw text", (body) => {
    expect(bind(sendTelemetry, { body })).toEqual({ events: body });
  });

  it.each([
    ["", { events: "{}" }],
    [" \n", { events: "{}" }],
    ["null", { events: "{}" }],
  ])("%j", (body, expected) => {
    expect(bind(sendTelemetry, { body })).toEqual(expected);
  });

  it.each([["{"], ["[1] x"]])("%s is no JSON", (body) => {
    expect(refusalOf(sendTelemetry, { body })).toEqual(["malformed"]);
  });

  const messages = {
    Request: ["string id", "Inner inner", "repeated uint32 numbers", "string note"],
    Inner: ["string name", "string id"],
    Response: [],
  };
  const target = (body: string) => onlyMethod(messages, { rule: { pattern: { case: "put", value: "/x/{id}" }, body } });

  it("a message: the rest comes from the query", () => {
    const parts = { path: { id: "i" }, query: "note=n&inner.name=q", body: '{"name": "b", "id": "inner"}' };
    expect(bind(target("inner"), parts)).toMatchObject({ id: "i", note: "n", inner: { name: "b", id: "inner" } });
    expect(bind(target("inner"), { path: { id: "i" } })).toMatchObject({ inner: { name: "" } });
    expect(refusalOf(target("inner"), { ...parts, body: '{"name": 1}' })).toEqual(["invalid", "body.name type"]);
    expect(refusalOf(target("inner"), { ...parts, body: "[]" })).toEqual(["invalid", "body type"]);
  });

  it("a list, or a scalar", () => {
    expect(bind(target("numbers"), { path: { id: "i" }, body: "[1,2]" })).toMatchObject({ numbers: [1, 2] });
    expect(bind(target("numbers"), { path: { id: "i" } })).toMatchObject({ numbers: [] });
    expect(refusalOf(target("numbers"), { path: { id: "i" }, body: '[1,"2"]' })).toEqual(["invalid", "body.1 type"]);
    expect(bind(target("note"), { path: { id: "i" }, body: '"n"' })).toMatchObject({ note: "n" });
    expect(refusalOf(target("note"), { path: { id: "i" }, body: "{}" })).toEqual(["invalid", "body type"]);
  });
});

describe("null", () => {
  it("is absent on POST", () => {
    const bound = bind(publishBundle, {
      path,
      body: '{"title": null, "labels": null, "source": null, "activate": null}',
    });
    for (const name of ["title", "source", "activate"]) expect(bound).not.toHaveProperty(name);
    expect(bound).toMatchObject({ labels: {} });
    const body = '{"instance_id": null, "sequence": null}';
    expect(bind(reportStatus, { body })).toMatchObject({ instanceId: "", sequence: 0 });
    expect(bind(TokenService.method.createCiToken, { path, body: '{"environments": null}' })).toMatchObject({
      environments: [],
    });
  });

  it("sets a null_is_empty field to its empty value", () => {
    expect(bind(createEnvironment, { path, body: '{"name": "x", "promotes_to": null}' })).toHaveProperty(
      "promotesTo",
      "",
    );
    expect(bind(createEnvironment, { path, body: '{"name": "x"}' })).not.toHaveProperty("promotesTo");
  });

  it("clears on PATCH, and absent leaves", () => {
    const { updateOrganization, updateEnvironment } = OrganizationService.method;
    const patch = (body: string) => bind(updateOrganization, { path: { org_id: "o" }, body });
    expect(patch('{"company_size": null, "name": "n", "nope": 1, "org_id": "x"}')).toEqual({
      orgId: "o",
      name: "n",
      updateMask: { $typeName: "google.protobuf.FieldMask", paths: ["company_size", "name"] },
    });
    expect(patch("{}")).toMatchObject({ updateMask: { paths: [] } });
    expect(patch('{"update_mask": "name,plan", "industry": ""}')).toMatchObject({
      industry: "",
      updateMask: { paths: ["industry"] },
    });
    expect(bind(updateEnvironment, { path, body: '{"promotes_to": null}' })).toEqual({
      ...{ orgId: "o", projectId: "p", envName: "dev" },
      updateMask: { $typeName: "google.protobuf.FieldMask", paths: ["promotes_to"] },
    });
  });

  it("clears in the one field that is the body of a PATCH", () => {
    const messages = {
      Request: ["string id", "Inner inner", "google.protobuf.FieldMask update_mask"],
      Inner: ["string id", "optional string name", "string note"],
      Response: [],
    };
    const method = onlyMethod(messages, { rule: { pattern: { case: "patch", value: "/x/{id}" }, body: "inner" } });
    expect(bind(method, { path: { id: "i" }, body: '{"name": null, "id": "inner"}' })).toMatchObject({
      id: "i",
      inner: { id: "inner" },
      updateMask: { paths: ["name", "id"] },
    });
  });
});
