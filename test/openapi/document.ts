import { readFileSync } from "node:fs";

/** The part of gen/openapi.json that tests look at. */
export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, Record<string, unknown>>>>>;
}

export interface OpenApiOperation {
  readonly operationId: string;
  readonly "x-signet-scope"?: string;
  readonly parameters?: readonly object[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> };
  readonly responses: Readonly<Record<string, object>>;
}

export const DOCUMENT_FILE = "gen/openapi.json";

export const OPENAPI = JSON.parse(readFileSync(DOCUMENT_FILE, "utf8")) as OpenApiDocument;

/** Every operation with its HTTP method, in upper case, and its path. */
export function operations(): readonly { method: string; path: string; operation: OpenApiOperation }[] {
  return Object.entries(OPENAPI.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
}

/** What a reference of the document points to; anything else as it is. */
export function resolved<T>(value: T | { readonly $ref: string }): T {
  if (typeof value !== "object" || value === null || !("$ref" in value)) return value as T;
  const [, , section = "", name = ""] = value.$ref.split("/");
  const found = OPENAPI.components[section]?.[name];
  if (found === undefined) throw new Error(`nothing is at ${value.$ref}`);
  return found as T;
}
