import { createMethodImplSpec } from "@connectrpc/connect";
import type { DescMethod } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { SERVICES } from "../../src/api/methods/methods.js";
import { scopeName } from "../../src/api/admission/operations.js";
import { collectRoutes } from "../../src/api/rest/routes.js";
import { operations, resolved, type OpenApiOperation } from "./document.js";

const routes = collectRoutes(
  SERVICES.flatMap((service) => service.methods as readonly DescMethod[]).map((method) =>
    createMethodImplSpec(method, (() => ({})) as never),
  ),
);

interface Named {
  readonly name: string;
  readonly in: string;
}

function names(operation: OpenApiOperation, where: string): string[] {
  return (operation.parameters ?? [])
    .map((parameter) => resolved(parameter as Named))
    .filter((parameter) => parameter.in === where)
    .map(({ name }) => name);
}

describe("the document", () => {
  it("has every route of REST, the probes, and nothing else", () => {
    const served = routes.map(({ httpMethod, template }) => `${httpMethod} ${template.text}`);
    const written = operations().map(({ method, path }) => `${method} ${path}`);
    expect(written.sort()).toEqual([...served, "GET /healthz", "GET /readyz"].sort());
  });

  it("gives each operation an id of its own", () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("says 422 of every list, which refuses what it does not know in a query", () => {
    const lists = routes.filter(({ isList }) => isList);
    const named = routes.filter(({ spec }) => spec.method.name.startsWith("List"));
    expect(lists.map(({ name }) => name)).toEqual(named.map(({ name }) => name));
    for (const { template } of lists) {
      const found = operations().find(({ method, path }) => method === "GET" && path === template.text);
      expect(Object.keys(found?.operation.responses ?? {})).toContain("422");
    }
  });

  it.each(routes.map((route) => [`${route.httpMethod} ${route.template.text}`, route] as const))(
    "says of %s what the server binds",
    (name, route) => {
      const found = operations().find(({ method, path }) => `${method} ${path}` === name)?.operation;
      if (found === undefined) throw new Error("not in the document");
      expect(names(found, "path")).toEqual([...route.pathFields.keys()]);
      expect(names(found, "query")).toEqual([...route.queryFields.keys()]);
      expect(found.requestBody !== undefined).toBe(route.body.kind !== "none");
      expect(found["x-signet-scope"]).toBe(scopeName(route.operation.scope));
      expect(found.operationId.startsWith(route.operation.id)).toBe(true);
      expect(Object.keys(found.responses)).toContain(String(route.operation.successStatus));
    },
  );
});
