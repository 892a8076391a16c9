import type { DescService } from "@bufbuild/protobuf";
import { createMethodImplSpec } from "@connectrpc/connect";
import { scopeName } from "../../src/api/admission/operations.js";
import { collectRoutes, type Route } from "../../src/api/rest/routes.js";
import type { PathTemplate } from "../../src/api/rest/template.js";
import { commentOf, splitComment } from "./comments.js";
import type { ErrorResponses } from "./errors.js";
import type { Headers } from "./headers.js";
import type { Operation, PathItem, SecurityRequirement } from "./model.js";
import { parametersOf, requestBodyOf } from "./parameters.js";
import type { Schemas } from "./schemas.js";
import { errorStatusesOf } from "./statuses.js";
import { successResponses } from "./success.js";

/** Where operations put what they share. */
export interface Shared {
  readonly schemas: Schemas;
  readonly headers: Headers;
  readonly errors: ErrorResponses;
}

/**
 * The paths of services, in the order of the proto: from the same routes that the server answers (src/api/rest/routes.ts), so that a
 * path or a query parameter cannot be told in two ways.
 */
export function pathsOf(services: readonly DescService[], shared: Shared): Record<string, PathItem> {
  const paths: Record<string, PathItem> = {};
  const ids = new Set<string>();
  const methods = services.flatMap((service) =>
    service.methods.map((method) => createMethodImplSpec(method, unanswered as never)),
  );
  for (const route of collectRoutes(methods)) {
    const item = (paths[openApiPath(route)] ??= {});
    item[route.httpMethod.toLowerCase()] = operationOf(route, freshId(route, ids), shared);
  }
  return paths;
}

/** The tag of a service: its name in one word. */
export function tagOf(service: DescService): string {
  return service.name.replace(/Service$/, "");
}

function operationOf(route: Route, operationId: string, { schemas, headers, errors }: Shared): Operation {
  const { method } = route.spec;
  const scope = scopeName(route.operation.scope);
  const { summary, rest } = splitComment(commentOf(method));
  const requestBody = requestBodyOf(route, schemas);
  return {
    operationId,
    summary,
    description: rest === "" ? needs(scope) : `${rest}\n\n${needs(scope)}`,
    tags: [tagOf(method.parent)],
    ...(method.deprecated ? { deprecated: true } : {}),
    security: securityOf(scope),
    "x-signet-scope": scope,
    "x-signet-method": route.name,
    parameters: parametersOf(route, schemas, headers),
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: { ...successResponses(route, schemas, headers), ...errors.of(errorStatusesOf(route, headers)) },
  };
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
