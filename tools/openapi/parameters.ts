import type { DescField } from "@bufbuild/protobuf";
import { Header } from "../../gen/signet/v1/options_pb.js";
import { fieldRulesOf } from "../../src/json-form/field-rules.js";
import type { Route } from "../../src/api/rest/routes.js";
import { commentOf } from "./comments.js";
import type { Headers } from "./headers.js";
import type { Parameter, Reference, RequestBody } from "./model.js";
import type { Schemas } from "./schemas.js";

/** What path, query and headers of a request may say. */
export function parametersOf(route: Route, schemas: Schemas, headers: Headers): readonly (Parameter | Reference)[] {
  const { pathFields, queryFields, operation } = route;
  return [
    ...[...pathFields].map(([name, path]) => parameter("path", name, path, schemas)),
    ...[...queryFields].map(([name, path]) => parameter("query", name, path, schemas)),
    ...[Header.X_REQUEST_ID, ...operation.reads].map((header) => headers.parameter(header)),
  ];
}

/** The body of a request; undefined when it has none. It may always be left out: that is `{}` (docs/api.md, "JSON in REST"). */
export function requestBodyOf(route: Route, schemas: Schemas): RequestBody | undefined {
  const { body, pathFields, updateMask } = route;
  if (body.kind === "none") return undefined;
  const schema =
    body.kind === "field"
      ? schemas.valueOf(body.field, "request")
      : schemas.ofBody(body.message, (field) => pathFields.has(field.name) || field === updateMask);
  const required =
    body.kind === "all" &&
    body.message.fields.some((field) => !pathFields.has(field.name) && fieldRulesOf(field).required);
  return { required, content: { "application/json": { schema } } };
}

function parameter(where: "path" | "query", name: string, path: readonly DescField[], schemas: Schemas): Parameter {
  const field = path.at(-1);
  if (field === undefined) throw new Error(`the parameter ${name} has no field`);
  const comment = commentOf(field);
  return {
    name,
    in: where,
    ...(comment === "" ? {} : { description: comment }),
    ...(where === "path" || fieldRulesOf(field).required ? { required: true } : {}),
    ...(field.deprecated ? { deprecated: true } : {}),
    schema: schemas.valueOf(field, "request"),
  };
}
