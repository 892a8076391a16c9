import { create, type DescMessage, type Message, type MessageShape } from "@bufbuild/protobuf";
import { bindBody, type BodyText } from "./bind-body.js";
import { bindQuery } from "./bind-query.js";
import { FieldErrors } from "../../core/field-errors.js";
import { setNested } from "../../json-form/fields.js";
import type { Route } from "./routes.js";
import { valueFromText } from "./text-value.js";

/** The parts of a request that become its message. */
export interface RequestParts extends BodyText {
  /** By the dotted field name of the template, decoded. */
  readonly pathValues: ReadonlyMap<string, string>;
  /** Still percent-encoded, without the question mark. */
  readonly query: string;
}

/**
 * The request message of a route (google.api.http, "Rules for HTTP mapping").
 *
 * Throws `malformed` for a query that is not percent-encoded UTF-8 and a body that is no JSON; `invalid` with every field that was
 * refused: `loc` starts with `path`, `query` or `body`. What a value means is the service's business, its type is checked here.
 */
export function bindRequest(route: Route, parts: RequestParts): MessageShape<DescMessage> {
  const errors = new FieldErrors();
  const message = create(route.spec.method.input);
  bindBody(message, parts, route, errors);
  bindQuery(message, parts.query, route, errors);
  // Last, so that the path wins.
  bindPath(message, parts.pathValues, route, errors);
  errors.throwIfAny();
  return message;
}

function bindPath(message: Message, values: ReadonlyMap<string, string>, route: Route, errors: FieldErrors): void {
  for (const [name, fields] of route.pathFields) {
    const text = values.get(name) ?? "";
    const field = fields.at(-1);
    if (field === undefined) continue;
    const parsed = text === "" ? { msg: "must not be empty", type: "missing" } : valueFromText(field, text);
    if ("value" in parsed) setNested(message, fields, parsed.value);
    else errors.add(["path", name], parsed.msg, parsed.type);
  }
}
