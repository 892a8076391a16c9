import { Header } from "../../gen/signet/v1/options_pb.js";
import { WIRE_CODES } from "../../src/api/admission/error-status.js";
import type { Headers } from "./headers.js";
import type { Reference, Response, Schema } from "./model.js";
import { integer } from "./schemas.js";

/** When a status is answered, for the statuses of WIRE_CODES that a client can see. */
const WHEN: Readonly<Record<number, string>> = {
  400: "Malformed: no JSON, not UTF-8, a broken path or query; or there is nothing to promote to.",
  401: "No token, or one that is invalid, expired or revoked.",
  403: "The token lacks the scope or belongs to another organization, or the change comes from a foreign Origin.",
  404: "Not there for this caller: what does not exist and what the token must not see answer the same.",
  409: "The state does not allow it now.",
  412: "If-Match names another sequence than the environment's.",
  413: "The body is over the size limit.",
  415: "The body is not JSON.",
  422: "Values that are refused, each with the name of its field; or the organization's quota is used up.",
  429: "Too many requests.",
  500: "A defect, or the signing key cannot be used. Nothing was changed.",
  503: "Not now: shutting down, or the database is busy or full.",
};

/** Headers of single statuses. */
const HEADERS: Readonly<Record<number, readonly Header[]>> = {
  401: [Header.WWW_AUTHENTICATE],
  409: [Header.RETRY_AFTER],
  429: [Header.RETRY_AFTER],
  503: [Header.RETRY_AFTER],
};

const FIELD_ERROR: Schema = {
  type: "object",
  description: "One field that was refused.",
  properties: {
    loc: {
      type: "array",
      items: { type: "string" },
      minItems: 1,
      description: "`body`, `path`, `query` or `header`, then the field, then keys and indexes inside of it.",
    },
    msg: { type: "string", description: "What is wrong with it, for a person." },
    type: { type: "string", description: "The same for a machine, for example `missing`, `type`, `duplicate_key`." },
  },
  required: ["loc", "msg", "type"],
};

const REASON: Schema = {
  type: "object",
  description: "An error with a machine-readable code.",
  properties: { error: { type: "string" }, message: { type: "string" } },
  required: ["error", "message"],
};

/** As src/api/http/error-body.ts writes it. */
const ERROR: Schema = {
  type: "object",
  description: "The body of every error.",
  properties: {
    // Without a type: what generators make of a choice that has a list in it does not compile in Java.
    detail: {
      description:
        "The fields that were refused, a list of FieldError; or a machine-readable code with its message, an ErrorReason; or the message, a string.",
    },
    error: { type: "string", description: "The reason phrase of the status." },
    message: { type: "string", description: "What was wrong, for a person." },
    code: { ...integer(400, 599), description: "The HTTP status." },
    status: { ...integer(400, 599), description: "The HTTP status." },
    requestId: { type: "string", description: "As in X-Request-Id and in the log of the server." },
  },
  required: ["detail", "error", "message", "code", "status", "requestId"],
};

/** What every error answer refers to. */
export const ERROR_SCHEMAS: Readonly<Record<string, Schema>> = {
  Error: ERROR,
  ErrorReason: REASON,
  FieldError: FIELD_ERROR,
};

/** Error answers as components. */
export class ErrorResponses {
  readonly components: Record<string, Response> = {};

  constructor(private readonly headers: Headers) {}

  /** The answers with these statuses, and `default`: what a proxy or a status that is not listed answers. */
  of(statuses: readonly number[]): Record<string, Reference> {
    const listed = statuses.map((status) => [String(status), this.reference(status)] as const);
    this.components["Error"] ??= this.answer("Any other error. 405 names in Allow what the path has.", [Header.ALLOW]);
    return { ...Object.fromEntries(listed), default: { $ref: "#/components/responses/Error" } };
  }

  private reference(status: number): Reference {
    const name = phraseOf(status).replaceAll(" ", "");
    const description = WHEN[status];
    if (description === undefined) throw new Error(`nothing says when ${status} is answered`);
    this.components[name] ??= this.answer(description, HEADERS[status] ?? []);
    return { $ref: `#/components/responses/${name}` };
  }

  private answer(description: string, more: readonly Header[]): Response {
    const content = { "application/json": { schema: { $ref: "#/components/schemas/Error" } } };
    return { description, headers: this.headers.ofAnswer(more), content };
  }
}

function phraseOf(status: number): string {
  const code = Object.values(WIRE_CODES).find(({ httpStatus }) => httpStatus === status);
  if (code === undefined) throw new Error(`no error code has the status ${status}`);
  return code.phrase;
}
