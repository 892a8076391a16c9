import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canonicalContent } from "../../../src/bundle/policy-hash.js";
import { readExamples, type Example } from "../../../tools/openapi/examples.js";
import { SUMMARIES, MAX_SUMMARY } from "../../../tools/openapi/summaries.js";
import { startReceiver, type Receiver } from "../../support/receiver.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../../support/server.js";
import { expectValid } from "../contract.js";
import { OPENAPI, operations, resolved } from "../document.js";
import { createCaller } from "./caller.js";
import { live } from "./life.js";

interface Content {
  readonly schema: { readonly type?: unknown; readonly format?: string };
  readonly example?: unknown;
}
interface WithContent {
  readonly content?: Readonly<Record<string, Content>>;
}

/** Everything of the document that a request or an answer can be, by where it stands. */
const contents = operations().flatMap(({ operation }) =>
  [
    ["request", operation.requestBody as WithContent | undefined] as const,
    // Errors are components, which are looked at alone.
    ...Object.entries(operation.responses)
      .filter(([status]) => Number(status) < 400)
      .map(([status, answer]) => [status, resolved(answer as WithContent)] as const),
  ].flatMap(([where, { content = {} } = {}]) =>
    Object.entries(content).map(([type, value]) => ({ where: `${operation.operationId} ${where} ${type}`, ...value })),
  ),
);

/** What no example is shown of: bytes, and a call that is never answered with success. */
const WITHOUT_EXAMPLE = ["claimBenchmark request application/json", "claimBenchmark 200 application/json"];
const isBinary = ({ schema }: Content) => schema.format === "binary";

describe("the examples of the document", () => {
  it("are there for every request and answer that is JSON or events", () => {
    const without = contents.filter((content) => content.example === undefined && !isBinary(content));
    expect(without.map(({ where }) => where)).toEqual(WITHOUT_EXAMPLE);
  });

  it.each(contents.filter(({ example }) => example !== undefined))("keep to their schemas: $where", (content) => {
    expectValid(content.schema, content.example, content.where);
  });

  it("name Acme, its project Shop, and its environment dev", () => {
    const shown = operations().flatMap(
      ({ operation }) => (operation.parameters ?? []) as { name?: string; example?: unknown }[],
    );
    const values = (name: string) => [
      ...new Set(shown.filter((shown) => shown.name === name).map(({ example }) => example)),
    ];
    expect(values("org_id").sort()).toEqual(["acme", "default"]);
    expect(values("project_id")).toContain("shop");
    expect(values("env_name")).toContain("dev");
    expect(shown.filter(({ example }) => example === "string")).toEqual([]);
  });

  it("have the hashes of their policies", () => {
    const { publishBundle } = readExamples();
    const { policies } = publishBundle?.request as { policies: object };
    expect((publishBundle?.response as { policy_hash: string }).policy_hash).toBe(
      canonicalContent(JSON.stringify(policies), "{}").policyHash,
    );
  });

  it("show one body for each error, which says what to do", () => {
    for (const [name, response] of Object.entries(OPENAPI.components["responses"] ?? {})) {
      const { description = "", content } = response as { description?: string } & WithContent;
      expect(description, name).toContain("What to do: ");
      expectValid({ $ref: "#/components/schemas/Error" }, content?.["application/json"]?.example, name);
    }
  });
});

it("no summary is longer than a line, and none is of an operation that is not there", () => {
  const known = operations().map(({ operation }) => operation as unknown as { operationId: string; summary: string });
  expect(known.filter(({ summary }) => summary.length > MAX_SUMMARY).map(({ operationId }) => operationId)).toEqual([]);
  const ids = known.map(({ operationId }) => operationId);
  expect(Object.keys(SUMMARIES).filter((id) => !ids.includes(id))).toEqual([]);
});

describe("a server", () => {
  let server: TestServer;
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await startReceiver();
    server = await startTestServer({ SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8" });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await receiver[Symbol.asyncDispose]();
  });

  it("answers the life that the examples tell with success, and with the same fields", async () => {
    const now = new Map<string, Example>();
    await live(createCaller(server.url, ADMIN_TOKEN, now), receiver.url);
    const then = readExamples();
    expect([...now.keys()].sort(), "npx tsx test/openapi/examples/record.ts").toEqual(Object.keys(then).sort());
    for (const [id, { response }] of now) expect(fieldsOf(response), id).toEqual(fieldsOf(then[id]?.response));
  });

  it.each([
    ["400", "POST", "/v1/orgs/default/projects/default/envs/prod/promote", undefined],
    ["404", "GET", "/v1/orgs/default/projects/default/envs/qa/bundles", undefined],
    ["422", "POST", "/v1/orgs/default/projects/default/envs/dev/bundles/publish", { title: "no policies" }],
    ["405", "PUT", "/v1/whoami", undefined],
    ["413", "POST", "/v1/orgs/default/projects", { name: "x".repeat(70_000) }],
  ])("refuses with the body that is shown for %s", async (status, method, path, body) => {
    const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json" };
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const answer = (await (await fetch(`${server.url}${path}`, init)).json()) as { requestId: string };
    const responses = Object.values(OPENAPI.components["responses"] ?? {}) as WithContent[];
    const shown = responses.map(({ content }) => content?.["application/json"]?.example as { code: number });
    const { requestId } = answer;
    expect(answer).toEqual({ ...shown.find(({ code }) => String(code) === status), requestId });
  });
});

/** The fields of the object, or of a list's first one, one level deep: what they hold is another thing each time. */
function fieldsOf(response: unknown): readonly string[] {
  const value: unknown = Array.isArray(response) ? response[0] : response;
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}
