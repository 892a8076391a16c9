import { createMethodImplSpec, type MethodImplSpec } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { AuditService } from "../../../gen/signet/v1/audit_pb.js";
import { BundleService } from "../../../gen/signet/v1/bundle_pb.js";
import { OrganizationService } from "../../../gen/signet/v1/organization_pb.js";
import { RuntimeService } from "../../../gen/signet/v1/runtime_pb.js";
import { TokenService } from "../../../gen/signet/v1/token_pb.js";
import { collectRoutes } from "../../../src/api/rest/routes.js";
import { createTrie } from "../../../src/api/rest/trie.js";
import { service, type MethodFixture, type Rule } from "./proto-fixture.js";

const MESSAGES = {
  Request: [
    "string id",
    "Inner inner",
    "repeated string tags",
    "map<string, string> labels",
    "google.protobuf.Timestamp at",
    "Color color",
  ],
  Inner: ["string name", "Deep deep"],
  Deep: ["uint32 n"],
  Response: ["string text", "repeated Inner items"],
};

function specs(messages: Readonly<Record<string, readonly string[]>>, ...methods: MethodFixture[]): MethodImplSpec[] {
  return service(messages, methods).methods.map((method) => createMethodImplSpec(method, (() => ({})) as never));
}

function routesOf(rule: Rule, more: MethodFixture = {}) {
  return collectRoutes(specs(MESSAGES, { rule, ...more }));
}

const get = (path: string, more: Rule = {}): Rule => ({ pattern: { case: "get", value: path }, ...more });
const post = (path: string, more: Rule = {}): Rule => ({ pattern: { case: "post", value: path }, ...more });

describe("collectRoutes", () => {
  it("signet.v1 starts: every method has routes, and none conflict", () => {
    const services = [AuditService, BundleService, OrganizationService, RuntimeService, TokenService];
    const methods = services.flatMap((one) => one.methods);
    const routes = collectRoutes(methods.map((method) => createMethodImplSpec(method, (() => ({})) as never)));
    expect(new Set(routes.map(({ name }) => name)).size).toBe(methods.length);
    expect(() => createTrie(routes)).not.toThrow();
  });

  it("a method without the option is not in REST", () => {
    expect(collectRoutes(specs(MESSAGES, {}))).toEqual([]);
  });

  it("takes additional bindings and custom methods", () => {
    const rule = get("/v1/{id}", {
      additionalBindings: [
        post("/v3/{id}", { body: "*" }),
        { pattern: { case: "custom", value: { kind: "OPTIONS", path: "/o" } } },
      ],
    });
    expect(routesOf(rule).map(({ httpMethod, template, body }) => [httpMethod, template.text, body.kind])).toEqual([
      ["GET", "/v1/{id}", "none"],
      ["POST", "/v3/{id}", "all"],
      ["OPTIONS", "/o", "none"],
    ]);
  });

  it("a query can set what neither path nor body binds", () => {
    const names = (rule: Rule) => [...(routesOf(rule)[0]?.queryFields.keys() ?? [])];
    expect(names(get("/v1/{id}"))).toEqual(["inner.name", "inner.deep.n", "tags", "at", "color"]);
    expect(names(get("/v1/{inner.name}"))).toEqual(["id", "inner.deep.n", "tags", "at", "color"]);
    expect(names(post("/v1/{id}", { body: "inner" }))).toEqual(["tags", "at", "color"]);
    expect(names(post("/v1/{id}", { body: "*" }))).toEqual([]);
  });

  it("messages inside of themselves end", () => {
    const routes = collectRoutes(specs({ Request: ["string id", "Request more"], Response: [] }, { rule: get("/v1") }));
    expect([...(routes[0]?.queryFields.keys() ?? [])]).toEqual(["id", "more.id"]);
  });

  it.each<[string, Rule, MethodFixture?]>([
    ["no (signet.v1.operation)", get("/v1"), { operation: false }],
    ["no client streams", get("/v1"), { clientStreaming: true }],
    ["no client streams", get("/v1"), { clientStreaming: true, serverStreaming: true }],
    ["without a pattern", {}],
    ['path template "/v1/{id"', get("/v1/{id")],
    ['path variable "nope" is not a field', get("/v1/{nope}")],
    ['path variable "inner.nope" is not a field', get("/v1/{inner.nope}")],
    ['path variable "id.x" is not a field', get("/v1/{id.x}")],
    ['path variable "at.seconds" is not a field', get("/v1/{at.seconds}")],
    ['path variable "inner" is neither a scalar', get("/v1/{inner}")],
    ['path variable "tags" is neither a scalar', get("/v1/{tags}")],
    ['path variable "labels" is neither a scalar', get("/v1/{labels}")],
    ['path variable "at" is neither a scalar', get("/v1/{at}")],
    ['body "nope" is not a field', post("/v1", { body: "nope" })],
    ['body "inner.name" is not a field', post("/v1", { body: "inner.name" })],
    ['both path and body bind "id"', post("/v1/{id}", { body: "id" })],
    ['both path and body bind "inner"', post("/v1/{inner.name}", { body: "inner" })],
    ["a body in GET", get("/v1", { body: "*" })],
    ['response_body "nope" is not a field', get("/v1", { responseBody: "nope" })],
    ['custom HTTP method "*"', { pattern: { case: "custom", value: { kind: "*", path: "/v1" } } }],
    [
      "nested additional_bindings",
      get("/v1", { additionalBindings: [get("/v2", { additionalBindings: [get("/v3")] })] }),
    ],
  ])("does not start: %s", (problem, rule, more) => {
    expect(() => routesOf(rule, more)).toThrow(problem);
  });

  it.each([
    ["uint64 n", "UINT64"],
    ["repeated int64 n", "INT64"],
    ["map<string, sint64> n", "SINT64"],
    ["bytes n", "BYTES"],
    ["map<int32, string> n", "a map without string keys"],
    ["google.protobuf.Any n", "google.protobuf.Any"],
    ["uint32 n [json_text]", "json_text and null_is_empty are for single strings"],
    ["repeated string n [json_text]", "json_text and null_is_empty are for single strings"],
    ["bool n [null_is_empty]", "json_text and null_is_empty are for single strings"],
  ])("does not start with %s, also in a nested message", (field, problem) => {
    const rule = get("/v1");
    const wrong = { Wrong: [field], Nested: ["repeated Wrong items"], Good: ["string ok"] };
    for (const [Request, Response] of [
      ["Nested", "Good"],
      ["Good", "Nested"],
      ["Wrong", "Good"],
      ["Good", "Wrong"],
    ] as const) {
      const methods = specs({ ...wrong }, { rule, input: Request, output: Response });
      expect(() => collectRoutes(methods), `${Request} → ${Response}`).toThrow(
        `fixture.Wrong.n: REST does not carry ${problem}`,
      );
    }
  });

  it("does not start with a json_text that a request would have to look for", () => {
    const messages = { Request: ["Inner inner"], Inner: ["string text [json_text]"], Response: ["Inner inner"] };
    expect(() => collectRoutes(specs(messages, { rule: get("/v1") }))).toThrow("json_text inside of a nested message");
    expect(() => collectRoutes(specs(messages, { rule: get("/v1"), input: "Inner" }))).not.toThrow();
  });

  const BODIES = {
    Request: ["string id", "google.api.HttpBody data"],
    Response: ["google.api.HttpBody file", "string text"],
  };
  const archive = { mediaType: "application/x-tar" };

  it("takes a google.api.HttpBody as it is, in both directions", () => {
    const down = collectRoutes(
      specs({ ...BODIES, Request: ["string id"] }, { ...archive, rule: get("/v1/{id}", { responseBody: "file" }) }),
    );
    expect(down).toMatchObject([{ isHttpBody: true, responseField: { name: "file" }, body: { kind: "none" } }]);
    const up = collectRoutes(specs({ ...BODIES, Response: [] }, { rule: post("/v1/{id}", { body: "data" }) }));
    expect(up).toMatchObject([{ isHttpBody: false, body: { kind: "http_body" } }]);
  });

  const DOWN = { ...BODIES, Request: ["string id"] };

  it.each<[string, MethodFixture]>([
    ["a google.api.HttpBody needs a media_type", { rule: get("/v1", { responseBody: "file" }) }],
    [
      "no streams of google.api.HttpBody",
      { ...archive, rule: get("/v1", { responseBody: "file" }), serverStreaming: true },
    ],
    ["media_type is for streams and google.api.HttpBody", { ...archive, rule: get("/v1", { responseBody: "text" }) }],
    ["Response.file: REST does not carry", { rule: get("/v1") }],
  ])("does not start: %s", (problem, fixture) => {
    expect(() => collectRoutes(specs(DOWN, fixture))).toThrow(problem);
  });
});
