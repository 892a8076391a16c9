import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect } from "vitest";
import { OPENAPI, operations, resolved, type OpenApiOperation } from "./document.js";

/** What was asked: the path may have a query. */
export interface Asked {
  readonly method: string;
  readonly path: string;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

interface DocumentedResponse {
  readonly headers?: Readonly<Record<string, object>>;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

/** Headers of the transport and of every answer, which OpenAPI does not list. */
const UNLISTED =
  /^(connection|keep-alive|date|content-(type|length)|transfer-encoding|cache-control|vary|x-content-type-options|x-accel-buffering|access-control-.*)$/;

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
const validators = new WeakMap<object, ValidateFunction>();
const components = closed(OPENAPI.components);

/**
 * Expects an answer of the running server to be one that the document has: its status listed, its headers named, its body of the
 * schema, with no field more. What is no operation (an unknown path, another method) must have the error body.
 */
export function expectDocumented(asked: Asked, answered: Answered): void {
  const response = documentedResponse(asked, answered);
  const about = `${asked.method} ${asked.path}: ${answered.status}`;
  const type = mediaType(answered.headers);
  if (asked.method === "HEAD" || response.content === undefined) return expect(answered.text, about).toBe("");
  const schema = response.content[type]?.schema;
  if (schema === undefined) expect.fail(`${about}: nothing is said of ${type}`);
  if ("format" in schema && schema.format === "binary") return;
  expectValid(schema, JSON.parse(answered.text), about);
}

/** As `expectDocumented` for the head of a stream. Returns a check for each line of it. */
export function expectDocumentedStream(asked: Asked, answered: Omit<Answered, "text">): (line: string) => void {
  const response = documentedResponse(asked, { ...answered, text: "" });
  const type = mediaType(answered.headers);
  const { contentSchema } = (response.content?.[type]?.schema ?? {}) as { contentSchema?: object };
  return (line) => {
    const json = type === "text/event-stream" ? /^data: (.*)$/.exec(line)?.[1] : line;
    if (json === undefined || json === "") return;
    const value = JSON.parse(json) as object;
    const about = `${asked.path}: ${line.slice(0, 200)}`;
    // An error ends a stream: alone on its line, or as the data of an event.
    const error =
      "error" in value && typeof value.error === "object" ? value.error : "requestId" in value ? value : null;
    if (error !== null) expectValid({ $ref: "#/components/schemas/Error" }, error, about);
    else if (contentSchema !== undefined) expectValid(contentSchema, value, about);
    else expect.fail(`${asked.method} ${asked.path}: nothing is said of ${type}`);
  };
}

function documentedResponse(asked: Asked, { status, headers }: Answered): DocumentedResponse {
  const operation = operationOf(asked);
  const about = `${asked.method} ${asked.path} (${operation?.operationId ?? "no operation"}) answered ${status}`;
  const listed = operation === undefined ? errorOf(status) : operation.responses[String(status)];
  if (listed === undefined) expect.fail(`${about}, which the document does not list`);
  const response = resolved(listed as DocumentedResponse);
  const named = Object.keys(response.headers ?? {}).map((name) => name.toLowerCase());
  const unnamed = [...headers.keys()].filter((name) => !UNLISTED.test(name) && !named.includes(name));
  expect(unnamed, `headers of ${about}`).toEqual([]);
  return response;
}

function errorOf(status: number): object | undefined {
  return status >= 400 ? OPENAPI.components["responses"]?.["Error"] : undefined;
}

/** The operation that a request reaches; the path with the fewest variables goes first. */
function operationOf({ method, path }: Asked): OpenApiOperation | undefined {
  const segments = (path.split("?", 1)[0] ?? "").split("/");
  const wanted = method === "HEAD" ? "GET" : method;
  return operations()
    .filter((candidate) => candidate.method === wanted && matches(candidate.path.split("/"), segments))
    .sort((a, b) => a.path.split("{").length - b.path.split("{").length)[0]?.operation;
}

function matches(template: readonly string[], segments: readonly string[]): boolean {
  return (
    template.length === segments.length &&
    template.every((part, index) => part === segments[index] || (part.startsWith("{") && segments[index] !== ""))
  );
}

/** Expects a value to be of a schema of the document, with no field more. */
export function expectValid(schema: object, value: unknown, about: string): void {
  let validate = validators.get(schema);
  if (validate === undefined) {
    validate = ajv.compile({ ...closed(schema), components });
    validators.set(schema, validate);
  }
  const problems = validate(value) ? [] : (validate.errors ?? []);
  expect(
    problems.map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`),
    about,
  ).toEqual([]);
}

/** The same schemas, but nothing may be there that they do not name. */
function closed<T>(schema: T): T {
  if (Array.isArray(schema)) return schema.map((item: unknown) => closed(item)) as T;
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]) => [key, closed(value)] as const);
  const open = "properties" in schema && "type" in schema && !("additionalProperties" in schema);
  return Object.fromEntries([...entries, ...(open ? [["additionalProperties", false] as const] : [])]) as T;
}

function mediaType(headers: Headers): string {
  return headers.get("content-type")?.split(";", 1)[0] ?? "";
}
