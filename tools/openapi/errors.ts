import { Header } from "../../gen/signet/v1/options_pb.js";
import { WIRE_CODES } from "../../src/api/admission/error-status.js";
import type { Headers } from "./headers.js";
import type { Reference, Response, Schema } from "./model.js";
import { integer } from "./schemas.js";

/** What a status means, what to do about it, and an answer with it: for the statuses of WIRE_CODES that a client can see. */
interface ErrorWords {
  readonly means: string;
  readonly remedy: string;
  /** `detail` is the message when it is left out. */
  readonly example: { readonly message: string; readonly detail?: unknown };
}

const ERRORS: Readonly<Record<number, ErrorWords>> = {
  400: {
    means: "Malformed: no JSON, not UTF-8, a broken path or query; or there is nothing to promote to.",
    remedy: "Mend the request; the message says where it breaks.",
    example: { message: '"prod" has no next stage to promote to' },
  },
  401: {
    means: "No token, or one that is invalid, expired or revoked.",
    remedy: "Send `Authorization: Bearer <token>`, or create another token.",
    example: { message: "invalid or expired token" },
  },
  403: {
    means: "The token lacks the scope or belongs to another organization, or the change comes from a foreign Origin.",
    remedy: "Use a token with the scope that the operation names.",
    example: { message: "listAuditEvents needs the scope audit:read, which this token does not have" },
  },
  404: {
    means: "Not there for this caller: what does not exist and what the token must not see answer the same.",
    remedy: "Check the names in the path, and what the token sees with whoAmI.",
    example: { message: "environment not found" },
  },
  409: {
    means: "The state does not allow it now.",
    remedy:
      "Read the message: it names what stands in the way, and `detail.error`, when it is there, says so for a program.",
    example: {
      message: 'the project "Shop" has the protected environment "prod": set its protected to false first',
      detail: {
        error: "protected",
        message: 'the project "Shop" has the protected environment "prod": set its protected to false first',
      },
    },
  },
  412: {
    means: "If-Match names another sequence than the environment's.",
    remedy: "Read the environment again, decide again, and send its sequence.",
    example: { message: '"dev" is at sequence 5, not 4' },
  },
  413: {
    means: "The body is over the size limit.",
    remedy: "Send less; for policies the limit is the setting SIGNET_MAX_BODY_BYTES.",
    example: { message: "the request is larger than the limit of 65536 bytes" },
  },
  415: {
    means: "The body is not JSON.",
    remedy: "Send `Content-Type: application/json`.",
    example: { message: "the body must be application/json" },
  },
  422: {
    means: "Values that are refused, each with the name of its field; or the organization's quota is used up.",
    remedy: "Correct the fields that `detail` lists.",
    example: {
      message: "policies: is required",
      detail: [{ loc: ["body", "policies"], msg: "is required", type: "missing" }],
    },
  },
  429: {
    means: "Too many requests.",
    remedy: "Wait as many seconds as Retry-After says.",
    example: { message: "too many requests with this token" },
  },
  500: {
    means: "A defect, or the signing key cannot be used. Nothing was changed.",
    remedy: "Tell the operator the requestId: the log of the server has the cause.",
    example: { message: "internal error" },
  },
  503: {
    means: "Not now: shutting down, or the database is busy or full.",
    remedy: "Try again after Retry-After, with the same Idempotency-Key.",
    example: { message: "the server is shutting down" },
  },
};

/** The one of 405, which no operation lists: it is answered before one is found. */
const OTHER_ERROR: ErrorWords = {
  means: "Any other error. 405 names in Allow what the path has.",
  remedy: "Read `message`.",
  example: { message: "PUT is not allowed here: use GET, HEAD" },
};

/** Of every example of an error. */
const REQUEST_ID = "4cea84a1-abe9-4334-980e-33155700667c";

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
    this.components["Error"] ??= this.answer(OTHER_ERROR, 405, "Method Not Allowed", [Header.ALLOW]);
    return { ...Object.fromEntries(listed), default: { $ref: "#/components/responses/Error" } };
  }

  private reference(status: number): Reference {
    const phrase = phraseOf(status);
    const name = phrase.replaceAll(" ", "");
    const words = ERRORS[status];
    if (words === undefined) throw new Error(`nothing says when ${status} is answered`);
    this.components[name] ??= this.answer(words, status, phrase, HEADERS[status] ?? []);
    return { $ref: `#/components/responses/${name}` };
  }

  private answer(words: ErrorWords, status: number, phrase: string, more: readonly Header[]): Response {
    const { message, detail = message } = words.example;
    const example = { detail, error: phrase, message, code: status, status, requestId: REQUEST_ID };
    const content = { "application/json": { schema: { $ref: "#/components/schemas/Error" }, example } };
    const description = `${words.means} What to do: ${lowerFirst(words.remedy)}`;
    return { description, headers: this.headers.ofAnswer(more), content };
  }
}

function lowerFirst(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}

function phraseOf(status: number): string {
  const code = Object.values(WIRE_CODES).find(({ httpStatus }) => httpStatus === status);
  if (code === undefined) throw new Error(`no error code has the status ${status}`);
  return code.phrase;
}
