import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestProject, type TestProject } from "../scenarios/project.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { operations, resolved } from "./document.js";

interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
}

interface Place {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly scope: string;
  readonly where: "body" | "query";
  readonly name: string;
  /** The rest of the body. */
  readonly required: readonly string[];
}

interface Case extends Place {
  readonly rule: string;
  readonly value: unknown;
}

const UINT32_MAX = 2 ** 32 - 1;

/** A value beyond each limit of a schema. */
function beyond(schema: Schema): [rule: string, value: unknown][] {
  const found: [string, unknown][] = [];
  const list = (length: number) => Array.from({ length }, (_, index) => `x${index}`);
  if (schema.maxLength !== undefined) found.push(["maxLength", "x".repeat(schema.maxLength + 1)]);
  if ((schema.minLength ?? 0) > 0) found.push(["minLength", ""]);
  if ((schema.minimum ?? 0) > 0) found.push(["minimum", (schema.minimum ?? 0) - 1]);
  if ((schema.maximum ?? UINT32_MAX) < UINT32_MAX) found.push(["maximum", (schema.maximum ?? 0) + 1]);
  if (schema.enum !== undefined) found.push(["enum", "no such value"]);
  if (schema.pattern !== undefined) found.push(["pattern", "No such pattern!"]);
  if (schema.maxItems !== undefined) found.push(["maxItems", list(schema.maxItems + 1)]);
  if (schema.maxProperties !== undefined)
    found.push(["maxProperties", Object.fromEntries(list(schema.maxProperties + 1).map((key) => [key, ""]))]);
  return found;
}

const cases = operations().flatMap(({ method, path, operation }): Case[] => {
  const place = { operationId: operation.operationId, method, path, scope: operation["x-signet-scope"] ?? "" };
  const body = resolved((operation.requestBody?.content["application/json"]?.schema ?? {}) as Schema);
  const { properties = {}, required = [] } = body;
  const inBody = Object.entries(properties).flatMap(([name, schema]) =>
    beyond(schema).map(([rule, value]): Case => ({ ...place, where: "body", name, rule, value, required })),
  );
  const missing = required.map((name): Case => ({
    ...place,
    where: "body",
    name,
    rule: "required",
    value: undefined,
    required,
  }));
  const inQuery = (operation.parameters ?? [])
    .map((parameter) => resolved(parameter as { name: string; in: string; schema: Schema }))
    .filter((parameter) => parameter.in === "query")
    .flatMap(({ name, schema }) =>
      beyond(schema).map(([rule, value]): Case => ({ ...place, where: "query", name, rule, value, required: [] })),
    );
  return [...inBody, ...missing, ...inQuery];
});

describe("what the document forbids is refused", () => {
  let server: TestServer;
  let project: TestProject;
  let values: Readonly<Record<string, unknown>>;
  beforeAll(async () => {
    server = await startTestServer({ SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8" });
    project = await createTestProject(server, "limits");
    await project.publish("dev", 1);
    const made = await fetch(`${server.url}/v1/orgs/${server.orgId}/webhooks`, {
      method: "POST",
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      body: new Blob(['{"url":"http://127.0.0.1:9/","events":["*"]}']),
    });
    const { id: webhookId } = (await made.json()) as { id: string };
    values = {
      ...{ org_id: server.orgId, project_id: project.projectId, env_name: "dev", source_env: "dev", version: 1 },
      ...{
        environment_id: project.environmentId.dev,
        key_id: 1,
        webhook_id: webhookId,
        name: "limits-2",
        policies: {},
      },
      ...{ url: "https://example.com/", events: ["*"], since: "2026-01-01T00:00:00Z" },
      ...{ instance_id: "i", state: "applied", sequence: 1 },
    };
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it("has limits to try", () => {
    expect(new Set(cases.map(({ rule }) => rule))).toEqual(
      new Set([
        ...["maxLength", "minLength", "minimum", "maximum", "enum", "pattern", "maxItems", "maxProperties"],
        "required",
      ]),
    );
  });

  it.each(cases)(
    "$operationId: $rule of $name ($where)",
    async ({ method, path, scope, where, name, value, required }) => {
      const filled = path.replace(/\{(\w+)\}/g, (_all, field: string) => String(values[field]));
      const query = where === "query" ? `?${name}=${encodeURIComponent(String(value))}` : "";
      const rest = Object.fromEntries(required.map((field) => [field, values[field]]));
      const token = scope === "runtime" ? project.runtimeToken.dev : ADMIN_TOKEN;
      const answer = await fetch(`${server.url}${filled}${query}`, {
        method,
        headers: { authorization: `Bearer ${token}` },
        ...(where === "body" ? { body: new Blob([JSON.stringify({ ...rest, [name]: value })]) } : {}),
      });
      const text = await answer.text();
      expect(answer.status, text.slice(0, 500)).toBe(422);
      const { detail } = JSON.parse(text) as { detail: { loc: string[] }[] };
      expect(detail.map(({ loc }) => loc.slice(0, 2))).toContainEqual([where, name]);
    },
  );
});
