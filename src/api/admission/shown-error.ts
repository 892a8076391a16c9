import type { AppError, FieldError } from "../../core/error.js";

/** The longest message and key that an answer repeats: both can be as long as the request. */
const MAX_MESSAGE_CHARACTERS = 1_000;
const MAX_KEY_CHARACTERS = 200;

/** What an answer may take at most. */
export interface ErrorSizeLimits {
  /** All field errors together, as JSON in UTF-8. */
  readonly fieldBytes: number;
  /** The message, percent-encoded. */
  readonly messageBytes: number;
}

/** The body of a REST error stays below 64 KiB. */
export const BODY_LIMITS: ErrorSizeLimits = { fieldBytes: 56 * 1024, messageBytes: 6 * 1024 };

/** In gRPC they are trailers, the message once percent-encoded and once more with the fields in base64, and clients take 8 KiB. */
export const TRAILER_LIMITS: ErrorSizeLimits = { fieldBytes: 3 * 1024, messageBytes: 1024 };

/** What is told of an error: its first field errors, as many as fit, and its message cut. */
export function shownError(
  { message, fields }: AppError,
  limits: ErrorSizeLimits,
): Pick<AppError, "message" | "fields"> {
  return { message: cutMessage(message, limits.messageBytes), fields: fitting(fields, limits.fieldBytes) };
}

function fitting(fields: readonly FieldError[], maxBytes: number): readonly FieldError[] {
  const shown: FieldError[] = [];
  let bytes = 0;
  for (const { loc, msg, type } of fields) {
    const field = {
      loc: loc.map((part) => cut(part, MAX_KEY_CHARACTERS)),
      msg: cut(msg, MAX_MESSAGE_CHARACTERS),
      type,
    };
    bytes += Buffer.byteLength(JSON.stringify(field));
    if (bytes > maxBytes) break;
    shown.push(field);
  }
  return shown;
}

function cutMessage(message: string, maxBytes: number): string {
  let shown = cut(message, MAX_MESSAGE_CHARACTERS).toWellFormed();
  // Each round takes off at least a character; a character is twelve bytes at most.
  while (encodeURIComponent(shown).length > maxBytes) {
    const over = encodeURIComponent(shown).length - maxBytes;
    shown = cut(shown, Math.max(shown.length - Math.ceil(over / 12) - 2, 0));
  }
  return shown;
}

function cut(text: string, maxCharacters: number): string {
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters).toWellFormed()}…` : text;
}
