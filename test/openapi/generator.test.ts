import { describe, expect, it } from "vitest";
import { createDocument } from "../../tools/openapi/document.js";
import { service, type MethodFixture, type Rule } from "../api/rest/proto-fixture.js";

const MESSAGES = {
  Request: [
    "string pipeline_id",
    "optional string text",
    "Inner inner",
    "repeated uint32 counts",
    "string raw [json_text]",
  ],
  Inner: ["string name", "Inner more", "Color color"],
  Response: [
    ...["string text", "optional uint32 limit", "repeated Inner items", "map<string, sint32> labels", "Color color"],
    ...["google.protobuf.Timestamp at", "string raw [json_text]", "choice: string a", "choice: bool b", "double ratio"],
  ],
  Asking: ["string project_id"],
  Plain: ["string name"],
};

function documentOf(...methods: MethodFixture[]) {
  return createDocument([service(MESSAGES, methods)], "1.2.3");
}

function onlyOperation(rule: Rule, more: MethodFixture = {}) {
  const { paths, components } = documentOf({ rule, ...more });
  const [operation] = Object.entries(paths)
    .filter(([path]) => !path.endsWith("z"))
    .flatMap(([, item]) => Object.values(item));
  if (operation === undefined) throw new Error("no operation");
  return { operation, components, errors: Object.keys(operation.responses).filter((status) => Number(status) >= 400) };
}

const get = (path: string, more: Rule = {}): Rule => ({ pattern: { case: "get", value: path }, ...more });
const post = (path: string, more: Rule = {}): Rule => ({ pattern: { case: "post", value: path }, body: "*", ...more });

const EVERY_CALL = ["400", "401", "429", "500", "503"];

describe("createDocument", () => {
  it("gives each further binding an id of its own, and the same body", () => {
    const bindings = [post("/v3/x/{pipeline_id}"), post("/v3/y/{pipeline_id}"), post("/v3/z")];
    const { paths } = documentOf({ rule: post("/v1/x/{pipeline_id}", { additionalBindings: bindings }) });
    const posts = Object.values(paths).flatMap(({ post: operation }) => operation ?? []);
    expect(posts.map(({ operationId }) => operationId)).toEqual(["op0", "op0V3", "op02", "op03"]);
    const bodies = posts.map(({ requestBody }) => requestBody?.content["application/json"]?.schema);
    const shared = { $ref: "#/components/schemas/Request" };
    expect(bodies.slice(0, 3)).toEqual([shared, shared, shared]);
    // The last one has a field more in its body: the path does not bind it.
    expect(Object.keys(bodies[3]?.["properties"] as object)).toContain("pipeline_id");
  });

  it("writes responses complete and nullable, as write.ts does", () => {
    const { components } = onlyOperation(get("/v1/x"));
    const ref = { $ref: "#/components/schemas/Inner" };
    const int32 = { type: "integer", format: "int32", minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
    const color = { type: "string", enum: ["COLOR_UNSPECIFIED", "RED", "GREEN"] };
    const response = components.schemas["Response"] as { properties: Record<string, unknown>; required: string[] };
    expect(response.properties).toEqual({
      text: { type: "string" },
      limit: { type: ["integer", "null"], format: "int64", minimum: 0, maximum: 2 ** 32 - 1 },
      items: { type: "array", items: ref },
      labels: { type: "object", additionalProperties: int32 },
      color,
      at: { type: ["string", "null"], format: "date-time" },
      raw: {},
      a: { type: ["string", "null"] },
      b: { type: ["boolean", "null"] },
      ratio: { type: "number" },
    });
    expect(response.required).toEqual(Object.keys(response.properties));
    expect(components.schemas["Inner"]).toMatchObject({
      properties: { more: { oneOf: [ref, { type: "null" }] } },
      required: ["name", "more", "color"],
    });
  });

  it("takes requests as lenient as json-value.ts does, under names of their own", () => {
    const { components } = onlyOperation(post("/v1/x/{pipeline_id}"));
    const input = { $ref: "#/components/schemas/InnerInput" };
    expect(components.schemas["Request"]).toEqual({
      type: "object",
      properties: {
        text: { type: ["string", "null"] },
        inner: { oneOf: [input, { type: "null" }] },
        counts: { type: "array", items: { type: "integer", format: "int64", minimum: 0, maximum: 2 ** 32 - 1 } },
        raw: {},
      },
    });
    expect(components.schemas["InnerInput"]).not.toHaveProperty("required");
  });

  it.each<[string, Rule, MethodFixture, string[]]>([
    ["nothing but a token", get("/v1/x"), { input: "Inner" }, ["422"]],
    ["a text in the path", get("/v1/{name}"), { input: "Plain" }, ["404"]],
    ["a body", post("/v1/x"), { input: "Plain" }, ["403", "413", "415", "422"]],
    ["a body that names something", post("/v1/x"), { input: "Asking" }, ["403", "404", "413", "415", "422"]],
  ])("knows which errors follow from %s", (_name, rule, more, expected) => {
    const { errors } = onlyOperation(rule, more);
    expect(errors).toEqual([...EVERY_CALL, ...expected].sort());
  });

  it("says that any other error looks the same", () => {
    expect(onlyOperation(get("/v1/x")).operation.responses["default"]).toEqual({
      $ref: "#/components/responses/Error",
    });
  });

  it("writes a stream as both of its forms", () => {
    const { operation } = onlyOperation(get("/v1/x"), { serverStreaming: true });
    const { content = {} } = operation.responses["200"] as { content?: object };
    expect(Object.keys(content)).toEqual(["application/x-ndjson", "text/event-stream"]);
    expect(JSON.stringify(content)).toContain('"contentSchema":{"$ref":"#/components/schemas/Response"}');
  });

  it.each(["/v1/{name=a/*}", "/v1/{name=**}", "/v1/*"])("refuses the path %s, which OpenAPI cannot say", (path) => {
    expect(() => documentOf({ rule: get(path), input: "Plain" })).toThrow("OpenAPI cannot say");
  });

  it("is the same every time", () => {
    const make = () => JSON.stringify(documentOf({ rule: post("/v1/x/{pipeline_id}") }));
    expect(make()).toBe(make());
  });
});
