import { AppError, type FieldError } from "../../core/error.js";
import { scanStrictJson } from "../../bundle/strict-json.js";
import { endOfValue, findValue } from "./find-value.js";

/** What is wrong with a text, and where. */
export interface TextProblem {
  readonly message: string;
  /** UTF-16 offsets; `to` is exclusive. */
  readonly from: number;
  readonly to: number;
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

/** Problems that are marked in a text at most. */
const MAX_MARKED = 100;

/** The longest part of a value that is marked. */
const MAX_MARK = 200;

/**
 * What the server would refuse of a policy document, found by its own reader: what is no JSON, a key that occurs twice, a number that
 * would be lost, a lone surrogate, more than 64 levels. The first flaw; undefined when there is none.
 */
export function checkJson(text: string): TextProblem | undefined {
  if (text.trim() === "") return problemAt(text, "write a JSON object", 0, 0);
  try {
    const { kind } = scanStrictJson(text, { base: ["body"] });
    if (kind !== "object") return problemAt(text, `must be an object, not ${kind}`, 0, text.length);
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    const [field] = thrown.fields;
    if (field !== undefined) return placeOfField(text, field, 1);
    const offset = Number(/offset (\d+)\)$/.exec(thrown.message)?.[1] ?? 0);
    const message = thrown.message.replace(/^not JSON: /, "").replace(/ \(line \d+, column \d+, offset \d+\)$/, "");
    return problemAt(text, message, offset, offset + 1);
  }
}

/** The places of the fields that the server refused, for example by the project's schema: `loc` is body, policies, and the path in the text. */
export function placesOfFields(text: string, fields: readonly FieldError[]): readonly TextProblem[] {
  const ofText = fields.filter(({ loc }) => loc[0] === "body" && loc[1] === "policies");
  return ofText.slice(0, MAX_MARKED).map((field) => placeOfField(text, field, 2));
}

/** @param skipped how many steps of `loc` come before the path in the text */
function placeOfField(text: string, { loc, msg, type }: FieldError, skipped: number): TextProblem {
  const path = loc.slice(skipped);
  // Of what is missing only the object around it is there.
  for (let length = path.length; length >= 0; length--) {
    const place = findValue(text, path.slice(0, length), type === "duplicate_key" && length === path.length ? 2 : 1);
    if (place === undefined) continue;
    const isKey = type === "duplicate_key" || type === "prototype_key" || length < path.length;
    const missing = length < path.length ? ` (${path.slice(length).join(".")})` : "";
    const [from, end] =
      isKey && place.keyEnd > place.keyStart ? [place.keyStart, place.keyEnd] : valueSpan(text, place.start);
    return problemAt(text, msg + missing, from, end);
  }
  return problemAt(text, msg, 0, 0);
}

function valueSpan(text: string, start: number): readonly [number, number] {
  // Of an object or a list its opening bracket is enough.
  const isContainer = /[[{]/.test(text.charAt(start));
  return [start, isContainer ? start + 1 : endOfValue(text, start)];
}

function problemAt(text: string, message: string, from: number, to: number): TextProblem {
  const start = Math.min(from, text.length);
  let line = 1;
  let lineStart = 0;
  for (let feed = text.indexOf("\n"); feed >= 0 && feed < start; feed = text.indexOf("\n", lineStart)) {
    line++;
    lineStart = feed + 1;
  }
  const end = Math.min(Math.max(to, start), start + MAX_MARK, text.length);
  return { message, from: start, to: end, line, column: start - lineStart + 1 };
}
