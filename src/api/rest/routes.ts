import { getOption, hasOption, type DescField, type DescMessage } from "@bufbuild/protobuf";
import type { MethodImplSpec } from "@connectrpc/connect";
import { http as httpOption } from "../../../gen/google/api/annotations_pb.js";
import type { HttpRule } from "../../../gen/google/api/http_pb.js";
import type { Operation } from "../../../gen/signet/v1/options_pb.js";
import { MAX_POLICY_LEVELS, type StrictJsonOptions } from "../../bundle/strict-json.js";
import { fieldBounds, messageBounds } from "../admission/message-bounds.js";
import { operationOf } from "../admission/operations.js";
import { fieldNamed, isFieldMask, isTimestamp } from "../../json-form/fields.js";
import { isHttpBody } from "../../json-form/http-body.js";
import { bytesFieldOf, checkRequest, checkResponse } from "./message-check.js";
import { queryFieldsOf, type BodyTarget, type QueryFields } from "./query-fields.js";
import { parseTemplate } from "./template.js";
import type { Entry } from "./trie.js";

/** A method that REST can call. */
export type RestMethod = Extract<MethodImplSpec, { kind: "unary" | "server_streaming" }>;

/** One binding of a method: an HTTP method, a path, and where the parts of a request go. */
export interface Route extends Entry {
  readonly spec: RestMethod;
  readonly operation: Operation;
  /** By the dotted name that the template has. */
  readonly pathFields: ReadonlyMap<string, readonly DescField[]>;
  readonly queryFields: QueryFields;
  /** The answer is a list: a query parameter that it does not know is refused, for a mistyped filter would answer with everything. */
  readonly isList: boolean;
  readonly body: BodyTarget;
  /** How the JSON of a body is read. */
  readonly scanOptions: StrictJsonOptions;
  /** The FieldMask that a PATCH fills with the fields of its body. */
  readonly updateMask: DescField | undefined;
  /** The field that is the response's body; the whole message when there is none. */
  readonly responseField: DescField | undefined;
  /** The response's body is a google.api.HttpBody: its bytes are written as they are. */
  readonly isHttpBody: boolean;
  /** The field of bytes that a stream writes, as the operation's media_type; undefined for a stream of messages. */
  readonly bytesField: DescField | undefined;
}

/**
 * The routes of methods, from google.api.http alone; a method without that option is not in REST.
 *
 * Throws an Error, so that the server does not start, for a method without operation, a client stream, a template that is broken or
 * names a field that a path cannot hold, a body or response_body that does not exist, and messages that REST cannot carry.
 */
export function collectRoutes(methods: readonly MethodImplSpec[]): Route[] {
  return methods.flatMap((spec) => {
    if (!hasOption(spec.method, httpOption)) return [];
    const name = `${spec.method.parent.typeName}/${spec.method.name}`;
    if (spec.kind !== "unary" && spec.kind !== "server_streaming")
      throw new Error(`${name}: REST has no client streams`);
    const rule = getOption(spec.method, httpOption);
    return [rule, ...rule.additionalBindings].map((binding) => {
      if (binding !== rule && binding.additionalBindings.length > 0)
        throw new Error(`${name}: nested additional_bindings`);
      return routeOf(name, spec, binding);
    });
  });
}

function routeOf(name: string, spec: RestMethod, rule: HttpRule): Route {
  const operation = operationOf(spec.method);
  const { input, output } = spec.method;
  const responseField =
    rule.responseBody === "" ? undefined : topField(name, output, rule.responseBody, "response_body");
  const hasHttpBody = isHttpBody(responseField?.message ?? output) && responseField?.fieldKind !== "list";
  requireMediaType(name, spec, operation, hasHttpBody);
  const bytesField = operation.mediaType === "" || hasHttpBody ? undefined : bytesFieldOf(name, output);
  const body = bodyTarget(name, input, rule.body);
  checkRequest(input, "field" in body ? body.field : undefined);
  if (bytesField === undefined) checkResponse(output, responseField);
  const { httpMethod, path } = patternOf(name, rule);
  const template = parseTemplate(path);
  const pathFields = new Map(template.variables.map(({ field }) => [field, pathField(name, input, field)]));
  if (body.kind !== "none" && (httpMethod === "GET" || httpMethod === "HEAD"))
    throw new Error(`${name}: a body in ${httpMethod}`);
  if ("field" in body && [...pathFields.values()].some(([top]) => top === body.field)) {
    throw new Error(`${name}: both path and body bind "${rule.body}"`);
  }
  const mask = fieldNamed(input, "update_mask");
  return {
    name,
    httpMethod,
    template,
    answersHead: httpMethod === "GET" && spec.kind === "unary",
    spec,
    operation,
    pathFields,
    queryFields: queryFieldsOf(input, new Set(pathFields.keys()), body),
    isList: httpMethod === "GET" && (responseField ?? fieldNamed(output, "data"))?.fieldKind === "list",
    body,
    scanOptions: scanOptions(body),
    updateMask: httpMethod === "PATCH" && mask?.fieldKind === "message" && isFieldMask(mask.message) ? mask : undefined,
    responseField,
    isHttpBody: hasHttpBody,
    bytesField,
  };
}

/** What REST answers with is JSON, or a body of the operation's media_type, or a stream of it. */
function requireMediaType(name: string, { kind }: RestMethod, { mediaType }: Operation, hasHttpBody: boolean): void {
  if (hasHttpBody && kind !== "unary") throw new Error(`${name}: REST has no streams of google.api.HttpBody`);
  if (hasHttpBody && mediaType === "") throw new Error(`${name}: a google.api.HttpBody needs a media_type`);
  if (!hasHttpBody && mediaType !== "" && kind === "unary")
    throw new Error(`${name}: media_type is for streams and google.api.HttpBody`);
}

function scanOptions(body: BodyTarget): StrictJsonOptions {
  const base = ["body"];
  // A json_text field starts one level down, and may have all the levels of a policy.
  if (body.kind === "all") return { maxDepth: MAX_POLICY_LEVELS + 1, base, bounds: messageBounds(body.message, "raw") };
  return { base, bounds: body.kind === "field" ? fieldBounds(body.field, "raw") : undefined };
}

function patternOf(name: string, rule: HttpRule): { httpMethod: string; path: string } {
  const { pattern } = rule;
  if (pattern.case === undefined) throw new Error(`${name}: google.api.http without a pattern`);
  if (pattern.case !== "custom") return { httpMethod: pattern.case.toUpperCase(), path: pattern.value };
  const { kind, path } = pattern.value;
  if (!/^[A-Z]+$/.test(kind)) throw new Error(`${name}: the custom HTTP method "${kind}" is not supported`);
  return { httpMethod: kind, path };
}

/** A path variable goes into one primitive value, which may stand in nested messages. */
function pathField(name: string, input: DescMessage, dotted: string): DescField[] {
  const fields: DescField[] = [];
  let message: DescMessage | undefined = input;
  for (const part of dotted.split(".")) {
    const field: DescField | undefined = message === undefined ? undefined : fieldNamed(message, part);
    if (field === undefined) throw new Error(`${name}: path variable "${dotted}" is not a field of ${input.typeName}`);
    fields.push(field);
    message = field.fieldKind === "message" && !isTimestamp(field.message) ? field.message : undefined;
  }
  const kind = fields.at(-1)?.fieldKind;
  if (kind !== "scalar" && kind !== "enum")
    throw new Error(`${name}: path variable "${dotted}" is neither a scalar nor an enum`);
  return fields;
}

/** The target that `body` of a google.api.http rule names. Throws an Error with the method's name when there is no such field. */
function bodyTarget(name: string, input: DescMessage, body: string): BodyTarget {
  if (body === "") return { kind: "none" };
  if (body === "*") return { kind: "all", message: input };
  const field = topField(name, input, body, "body");
  if (field.fieldKind === "message" && isHttpBody(field.message)) return { kind: "http_body", field };
  return { kind: "field", field };
}

/** A field of the message itself, not of a nested one. Throws an Error when there is none of that name. */
function topField(name: string, message: DescMessage, fieldName: string, what: string): DescField {
  const field = fieldNamed(message, fieldName);
  if (field === undefined) throw new Error(`${name}: ${what} "${fieldName}" is not a field of ${message.typeName}`);
  return field;
}
