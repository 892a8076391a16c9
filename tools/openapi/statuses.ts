import { ScalarType } from "@bufbuild/protobuf";
import { Header, Scope } from "../../gen/signet/v1/options_pb.js";
import type { Route } from "../../src/api/rest/routes.js";
import type { Headers } from "./headers.js";

/** Methods that change nothing: a foreign Origin does not matter to them. */
const SAFE: readonly string[] = ["GET", "HEAD", "OPTIONS"];

/**
 * The error statuses that a route can answer (docs/api.md, "Order of refusals"): those of every call, those that follow from what
 * its request has, and those that its operation names.
 */
export function errorStatusesOf(route: Route, headers: Headers): readonly number[] {
  const { operation } = route;
  const found = new Set([400, 401, 429, 500, 503]);
  if (mayBeForbidden(route)) found.add(403);
  if (mayBeUnknown(route)) found.add(404);
  if (operation.reads.includes(Header.IDEMPOTENCY_KEY)) found.add(409);
  if (operation.reads.includes(Header.IF_MATCH)) found.add(412);
  if (route.body.kind !== "none") for (const status of [413, 415]) found.add(status);
  if (mayBeInvalid(route, headers)) found.add(422);
  for (const status of operation.answers) if (status >= 400) found.add(status);
  return [...found].sort((a, b) => a - b);
}

function mayBeForbidden({ operation, pathFields, httpMethod }: Route): boolean {
  return operation.scope !== Scope.ANY || pathFields.has("org_id") || !SAFE.includes(httpMethod);
}

/** What the request names may not be there for this caller. A runtime names nothing but itself. */
function mayBeUnknown({ operation, pathFields, spec }: Route): boolean {
  if (pathFields.size > 0) return true;
  return operation.scope !== Scope.RUNTIME && spec.method.input.fields.some(({ name }) => /_ids?$/.test(name));
}

function mayBeInvalid({ operation, pathFields, queryFields, isList, body }: Route, headers: Headers): boolean {
  if (body.kind !== "none" || queryFields.size > 0 || isList) return true;
  if (operation.reads.some((header) => headers.isChecked(header))) return true;
  return [...pathFields.values()].some((path) => path.at(-1)?.scalar !== ScalarType.STRING);
}
