import { create, type DescField, type DescMessage, type Message } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { HttpBodySchema, type HttpBody } from "../../../gen/google/api/httpbody_pb.js";
import { scanStrictJson, type StrictJson } from "../../bundle/strict-json.js";
import { fieldRulesOf } from "../../json-form/field-rules.js";
import type { ScanJson } from "../http/scan-json.js";
import type { FieldErrors } from "../../core/field-errors.js";
import { fieldNamed, setField } from "../../json-form/fields.js";
import { fieldFromJson, setFromJson } from "./json-value.js";
import type { Route } from "./routes.js";

/** The body of a request. */
export interface BodyText {
  /** Empty when there is none, and for an http_body. */
  readonly body: string;
  /** The body as it is, where the route's is an http_body. */
  readonly httpBody?: Pick<HttpBody, "contentType" | "data"> | undefined;
  /** What scanBody found in it. */
  readonly scanned?: StrictJson | undefined;
}

/** A body and what was found in it. */
interface BodyJson extends StrictJson {
  /** Undefined when there is none. */
  readonly text: string | undefined;
}

const NO_BODY: BodyJson = { text: undefined, kind: "object", spans: new Map() };

/** The scan of a body, made ahead of bindBody; undefined when there is none. Throws as scanStrictJson. */
export async function scanBody(text: string, { scanOptions }: Route, scan: ScanJson): Promise<StrictJson | undefined> {
  return isBlank(text) ? undefined : await scan(text, scanOptions);
}

/**
 * Sets the fields of a message from the body, as the route's `body` says (google.api.http). A body of white space or `null` is `{}`
 * (api.md, "missing body"). Fields that the path binds are left alone. A json_text field gets the raw text of its value, as it is spelled.
 * A PATCH with an update_mask has it filled with the known fields that the body has, `null` or not, so that `null` clears.
 *
 * Throws `malformed` for what is no JSON, and `invalid` for what JSON.parse would lose: see scanStrictJson.
 */
export function bindBody(
  message: Message,
  { body: text, httpBody, scanned }: BodyText,
  route: Route,
  errors: FieldErrors,
): void {
  const { body } = route;
  if (body.kind === "none") return;
  if (body.kind === "http_body") return setField(message, body.field, create(HttpBodySchema, httpBody));
  const json = isBlank(text) ? NO_BODY : { text, ...(scanned ?? scanStrictJson(text, route.scanOptions)) };
  if (body.kind === "field") bindField(message, body.field, json, route, errors);
  else if (isObject(json, errors)) bindObject(message, body.message, json, route, message, errors);
}

/** The body is the value of one field; its JSON is not inside of an object of ours. */
function bindField(message: Message, field: DescField, json: BodyJson, route: Route, errors: FieldErrors): void {
  const { text } = json;
  if (fieldRulesOf(field).jsonText) {
    setField(message, field, text ?? "{}");
  } else if (field.fieldKind === "message" && route.updateMask !== undefined) {
    const inner = create(field.message);
    setField(message, field, inner);
    if (isObject(json, errors)) bindObject(inner, field.message, json, route, message, errors);
  } else if (text !== undefined || field.fieldKind === "message" || field.fieldKind === "map") {
    setFromJson(message, field, fieldFromJson(field, JSON.parse(text ?? "{}"), ["body"], errors), [], errors);
  }
}

/**
 * The body is an object whose keys are fields. Only values of known fields are parsed, and json_text never is: the publication of
 * a large document costs one scan.
 */
function bindObject(
  target: Message,
  desc: DescMessage,
  { text = "{}", spans }: BodyJson,
  { pathFields, updateMask }: Route,
  request: Message,
  errors: FieldErrors,
): void {
  const paths: string[] = [];
  for (const [name, { start, end }] of spans) {
    const field = fieldNamed(desc, name);
    if (field === undefined || field === updateMask || (target === request && pathFields.has(name))) continue;
    paths.push(name);
    const raw = text.slice(start, end);
    const isRaw = fieldRulesOf(field).jsonText && raw !== "null";
    const value = isRaw ? raw : fieldFromJson(field, JSON.parse(raw), ["body", name], errors);
    setFromJson(target, field, value, ["body"], errors);
  }
  if (updateMask !== undefined) setField(request, updateMask, create(FieldMaskSchema, { paths }));
}

function isObject({ kind }: BodyJson, errors: FieldErrors): boolean {
  if (kind !== "object") errors.add(["body"], "must be an object", "type");
  return kind === "object";
}

function isBlank(text: string): boolean {
  return /^[ \t\r\n]*(?:null[ \t\r\n]*)?$/.test(text);
}
