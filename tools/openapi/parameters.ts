import type { DescField } from "@bufbuild/protobuf";
import { Header } from "../../gen/signet/v1/options_pb.js";
import { fieldRulesOf } from "../../src/json-form/field-rules.js";
import type { Route } from "../../src/api/rest/routes.js";
import { commentOf, describedBy } from "./comments.js";
import type { Example } from "./examples.js";
import type { Headers } from "./headers.js";
import type { Parameter, Reference, RequestBody } from "./model.js";
import type { Schemas } from "./schemas.js";

/** Of parameters that have no comment in the proto. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  app_id: "UUID of an environment.",
  artifact_id: "UUID.",
  backup_id: "The id of a backup.",
  delivery_id: "UUID.",
  deployment_id: "UUID of an activation.",
  env_name: "The name of the environment.",
  from_env: "The name of an environment.",
  head_hash: "The hash of that head.",
  id: "UUID of the pipeline.",
  key_id: "The number of the token.",
  offset: "How many to leave out, from the first.",
  other_version: "The version to compare with.",
  resource_id: "Only events about this one.",
  resource_type: "Only events about this kind of thing, for example `bundle`.",
  since: "From this time or event on.",
  source_env: "The name of the environment that is promoted from.",
  stage_id: "UUID of a stage of the pipeline.",
  until: "Before this time.",
  version: "The number of the version in its environment.",
  webhook_id: "UUID.",
};

/** What path, query and headers of a request may say. */
export function parametersOf(
  route: Route,
  schemas: Schemas,
  headers: Headers,
  example?: Example,
): readonly (Parameter | Reference)[] {
  const { pathFields, queryFields, operation } = route;
  return [
    ...[...pathFields].map(([name, path]) => parameter("path", name, path, schemas, example)),
    ...[...queryFields].map(([name, path]) => parameter("query", name, path, schemas, example)),
    ...[Header.X_REQUEST_ID, ...operation.reads].map((header) => headers.parameter(header)),
  ];
}

/** The body of a request; undefined when it has none. It may always be left out: that is `{}` (docs/api.md, "JSON in REST"). */
export function requestBodyOf(route: Route, schemas: Schemas, example?: Example): RequestBody | undefined {
  const { body, pathFields, updateMask } = route;
  if (body.kind === "none") return undefined;
  const shown = example?.request === undefined ? {} : { example: example.request };
  // Read as it comes: all that Signet takes so is JSON of others, whose form is theirs.
  if (body.kind === "http_body")
    return { required: false, content: { "application/json": { schema: describedBy(body.field), ...shown } } };
  const schema =
    body.kind === "field"
      ? schemas.valueOf(body.field, "request")
      : schemas.ofBody(body.message, (field) => pathFields.has(field.name) || field === updateMask);
  const required =
    body.kind === "all" &&
    body.message.fields.some((field) => !pathFields.has(field.name) && fieldRulesOf(field).required);
  return { required, content: { "application/json": { schema, ...shown } } };
}

function parameter(
  where: "path" | "query",
  name: string,
  path: readonly DescField[],
  schemas: Schemas,
  example: Example | undefined,
): Parameter {
  const field = path.at(-1);
  if (field === undefined) throw new Error(`the parameter ${name} has no field`);
  const description = commentOf(field) || DESCRIPTIONS[name];
  const required = where === "path" || fieldRulesOf(field).required;
  const value = example?.parameters[name];
  return {
    name,
    in: where,
    ...(description === undefined ? {} : { description }),
    ...(required ? { required } : {}),
    ...(field.deprecated ? { deprecated: true } : {}),
    schema: schemas.valueOf(field, "request"),
    // The page fills its form with examples: of an optional parameter it would narrow the answer unasked.
    ...(required && value !== undefined ? { example: value } : {}),
  };
}
