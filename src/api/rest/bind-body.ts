import { create, type DescField, type DescMessage, type Message } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { MAX_POLICY_LEVELS, scanStrictJson, type StrictJson } from "../../bundle/strict-json.js";
import { fieldRulesOf } from "../operations.js";
import type { ScanJson } from "../scan-json.js";
import type { FieldErrors } from "./field-errors.js";
import { fieldNamed, setField } from "./fields.js";
import { fieldFromJson, setFromJson } from "./json-value.js";
import type { Route } from "./routes.js";

/** json_text fields start one level down, and each may have all the levels of a policy. */
const OBJECT_SCAN = { maxDepth: MAX_POLICY_LEVELS + 1, base: ["body"] };

/** The body of a request. */
export interface BodyText {
  /** Empty when there is none. */
  readonly body: string;
  /** What scanBody found in it. */
  readonly scanned?: StrictJson | undefined;
}

/** A JSON object of the body, as text, and the values of its keys. */
interface BodyObject {
  readonly text: string;
  readonly spans: StrictJson["spans"];
}

/**
 * The scan of a body whose keys are fields, made ahead of bindBody; undefined for a body that bindBody scans itself.
 * Throws as scanStrictJson.
 */
export async function scanBody(text: string, { body }: Route, scan: ScanJson): Promise<StrictJson | undefined> {
  return body.kind === "all" && !isBlank(text) ? await scan(text, OBJECT_SCAN) : undefined;
}

/**
 * Sets the fields of a message from the body, as the route's `body` says (google.api.http). A body of white space is `{}` (api.md,
 * "missing body"). Fields that the path binds are left alone. A json_text field gets the raw text of its value, as it is spelled.
 * A PATCH with an update_mask has it filled with the known fields that the body has, `null` or not, so that `null` clears.
 *
 * Throws `malformed` for what is no JSON, and `invalid` for what JSON.parse would lose: see scanStrictJson.
 */
export function bindBody(message: Message, { body: text, scanned }: BodyText, route: Route, errors: FieldErrors): void {
  const { body } = route;
  if (body.kind === "none") return;
  if (body.kind === "field") bindField(message, body.field, isBlank(text) ? undefined : text, route, errors);
  else {
    const object = openObject(isBlank(text) ? "{}" : text, errors, scanned);
    if (object !== undefined) bindObject(message, body.message, object, route, message, errors);
  }
}

/** The body is the value of one field; its JSON is not inside of an object of ours. */
function bindField(
  message: Message,
  field: DescField,
  text: string | undefined,
  route: Route,
  errors: FieldErrors,
): void {
  if (fieldRulesOf(field).jsonText) {
    const { kind } = scan(text ?? "{}", MAX_POLICY_LEVELS);
    if (kind !== "null") setField(message, field, text ?? "{}");
  } else if (field.fieldKind === "message" && route.updateMask !== undefined) {
    const object = openObject(text ?? "{}", errors);
    const inner = create(field.message);
    setField(message, field, inner);
    if (object !== undefined) bindObject(inner, field.message, object, route, message, errors);
  } else if (text !== undefined || field.fieldKind === "message" || field.fieldKind === "map") {
    scan(text ?? "{}", MAX_POLICY_LEVELS);
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
  { text, spans }: BodyObject,
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

function openObject(text: string, errors: FieldErrors, scanned?: StrictJson): BodyObject | undefined {
  const { kind, spans } = scanned ?? scanStrictJson(text, OBJECT_SCAN);
  if (kind === "object") return { text, spans };
  errors.add(["body"], "must be an object", "type");
  return undefined;
}

function isBlank(text: string): boolean {
  return /^[ \t\r\n]*$/.test(text);
}

function scan(text: string, maxDepth: number): StrictJson {
  return scanStrictJson(text, { maxDepth, base: ["body"] });
}
