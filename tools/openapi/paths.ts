import type { DescService } from "@bufbuild/protobuf";
import { createMethodImplSpec } from "@connectrpc/connect";
import { scopeName } from "../../src/api/admission/operations.js";
import { collectRoutes, type Route } from "../../src/api/rest/routes.js";
import type { PathTemplate } from "../../src/api/rest/template.js";
import { commentOf, splitComment } from "./comments.js";
import type { ErrorResponses } from "./errors.js";
import type { Example, Examples } from "./examples.js";
import type { Headers } from "./headers.js";
import type { Operation, PathItem, SecurityRequirement } from "./model.js";
import { parametersOf, requestBodyOf } from "./parameters.js";
import type { Schemas } from "./schemas.js";
import { errorStatusesOf } from "./statuses.js";
import { successResponses } from "./success.js";
import { SUMMARIES } from "./summaries.js";
import { placeOf, tagOf } from "./tags.js";

/** Where operations put what they share. */
export interface Shared {
  readonly schemas: Schemas;
  readonly headers: Headers;
  readonly errors: ErrorResponses;
  readonly examples: Examples;
}

/**
 * The paths of services, in the order of their tags and within a tag of the proto, the paths of other systems (/v3) last: from the same routes that the server answers (src/api/rest/routes.ts), so that a
 * path or a query parameter cannot be told in two ways.
 */
export function pathsOf(services: readonly DescService[], shared: Shared): Record<string, PathItem> {
  const paths: Record<string, PathItem> = {};
  const places = new Map<string, number>();
  const ids = new Set<string>();
  const methods = services.flatMap((service) =>
    service.methods.map((method) => createMethodImplSpec(method, unanswered as never)),
  );
  for (const route of collectRoutes(methods)) {
    const path = openApiPath(route);
    const item = (paths[path] ??= {});
    places.set(path, placeOf(tagOf(route.spec.method.parent)) + (path.startsWith("/v3/") ? 0.5 : 0));
    item[route.httpMethod.toLowerCase()] = operationOf(route, freshId(route, ids), shared);
  }
  const place = (path: string) => places.get(path) ?? 0;
  return Object.fromEntries(Object.entries(paths).sort(([a], [b]) => place(a) - place(b)));
}

function operationOf(route: Route, operationId: string, shared: Shared): Operation {
  const { schemas, headers, errors } = shared;
  const { method } = route.spec;
  const scope = scopeName(route.operation.scope);
  const { summary, rest } = summaryOf(route.operation.id, commentOf(method));
  const example = exampleOf(route, operationId, shared);
  const requestBody = requestBodyOf(route, schemas, example);
  return {
    operationId,
    summary,
    description: rest === "" ? needs(scope) : `${rest}\n\n${needs(scope)}`,
    tags: [tagOf(method.parent)],
    ...(method.deprecated ? { deprecated: true } : {}),
    security: securityOf(scope),
    "x-signet-scope": scope,
    "x-signet-method": route.name,
    parameters: parametersOf(route, schemas, headers, example),
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: { ...successResponses(route, schemas, headers, example), ...errors.of(errorStatusesOf(route, headers)) },
  };
}

/** A summary of our own, over the whole comment; or the first sentence of the comment, over the rest of it. */
function summaryOf(operationId: string, comment: string): { readonly summary: string; readonly rest: string } {
  const own = SUMMARIES[operationId];
  return own === undefined ? splitComment(comment) : { summary: own, rest: comment };
}

/** The example of an operation; that of another path of it is as good. */
function exampleOf({ operation }: Route, operationId: string, { examples }: Shared): Example | undefined {
  return examples[operationId] ?? examples[operation.id];
}

function needs(scope: string): string {
  if (scope === "any") return "Any valid token may call it.";
  if (scope === "operator") return "Needs an admin token of the operator's organization.";
  return `Needs a token with the scope \`${scope}\`.`;
}

/** Either header will do. Schemes that are not OAuth may name the roles that a call needs (OpenAPI 3.1, "Security Requirement"). */
function securityOf(scope: string): readonly SecurityRequirement[] {
  const roles = scope === "any" ? [] : [scope];
  return [{ bearer: roles }, { apiKey: roles }];
}

/** Additional bindings are the same operation under another path, but ids must differ: `listPipelinesV3` for `/v3/…`. */
function freshId({ operation, template }: Route, taken: Set<string>): string {
  const [first] = template.segments;
  const version = first?.kind === "literal" ? first.text.charAt(0).toUpperCase() + first.text.slice(1) : "";
  const candidates = [operation.id, `${operation.id}${version.replace(/\W/g, "")}`];
  let id = candidates.find((candidate) => !taken.has(candidate));
  for (let n = 2; id === undefined; n += 1) if (!taken.has(`${operation.id}${n}`)) id = `${operation.id}${n}`;
  taken.add(id);
  return id;
}

/** Throws an Error for a variable that is more than one segment: OpenAPI has no form for it. */
function openApiPath({ name, template }: Route): string {
  const { segments, variables, verb } = template;
  const parts = segments.map((segment, index) => {
    const variable = variables.find(({ start }) => start === index);
    if (segment.kind === "literal") return encodeURI(segment.text);
    if (segment.kind === "rest" || variable === undefined || variable.end !== index + 1)
      throw new Error(`${name}: OpenAPI cannot say the path ${template.text}`);
    return `{${variable.field}}`;
  });
  return `/${parts.join("/")}${verbOf(verb)}`;
}

function verbOf(verb: PathTemplate["verb"]): string {
  return verb === "" ? "" : `:${verb}`;
}

/** Routes are looked at here, never called. */
function unanswered(): never {
  throw new Error("not to be called");
}
