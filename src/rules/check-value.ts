import type { FieldRules } from "../../gen/signet/v1/options_pb.js";
import { NO_NAMES } from "../core/error.js";
import { invisibleIn } from "../core/printable.js";
import { isUuid } from "../core/uuid.js";

/** Why a value is refused: for a person, and for a machine. */
export interface Refusal {
  readonly msg: string;
  readonly type: string;
}

/** The rules of a text. Lengths are in code points; 0 and empty are no rule. */
type TextRules = Pick<FieldRules, "minLength" | "maxLength" | "pattern" | "says" | "values" | "format" | "isName">;

/** A text in the form in which it is kept: names in NFC, UUIDs in lower case. */
export function keptText(text: string, { isName, format }: TextRules): string {
  if (isName) return text.normalize("NFC");
  return format === "uuid" ? text.toLowerCase() : text;
}

/** Why a text (as keptText returns it) is refused by its rules; undefined when it is not. */
export function refuseText(text: string, rules: TextRules): Refusal | undefined {
  const { minLength, values, pattern, says, format } = rules;
  if (minLength > 0 && text.trim() === "") return { msg: "must not be empty", type: "too_short" };
  if (format === "uuid" && !isUuid(text)) return { msg: `must be a UUID; ${NO_NAMES}`, type: "uuid" };
  if (values.length > 0 && !values.includes(text)) return { msg: `must be ${alternatives(values)}`, type: "enum" };
  if (pattern !== "" && !regularExpression(pattern).test(text)) {
    return { msg: says || `must match ${pattern.replace(/^\^|\$$/g, "")}`, type: "pattern" };
  }
  return rules.maxLength === 0 ? undefined : refuseCharacters(text, rules);
}

/** The range of a number; 0 is no rule. */
export type NumberRules = Pick<FieldRules, "minimum" | "maximum">;

/** Why a number is refused by its rules; undefined when it is not. */
export function refuseNumber(value: number, { minimum, maximum }: NumberRules): Refusal | undefined {
  if (value >= minimum && (maximum === 0 || value <= maximum)) return undefined;
  const msg = maximum === 0 ? `must be at least ${minimum}` : `must be from ${minimum} to ${maximum}`;
  return { msg, type: "range" };
}

// Line breaks and tabs are text; the rest of C0, DEL and C1 is not.
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

function refuseCharacters(text: string, { maxLength, isName }: TextRules): Refusal | undefined {
  // A code point has at most two UTF-16 units.
  if ([...text.slice(0, maxLength * 2 + 2)].length > maxLength) {
    return { msg: `must be at most ${maxLength} characters`, type: "too_long" };
  }
  if (CONTROL.test(text)) return { msg: "must not contain control characters", type: "control_character" };
  if (!text.isWellFormed()) return { msg: "must not contain a lone surrogate", type: "lone_surrogate" };
  // All of a name can be seen, so that no two names look the same and none does anything to what stands around it.
  const invisible = isName ? invisibleIn(text) : undefined;
  if (invisible === undefined) return undefined;
  return { msg: `must not contain invisible characters: ${codePointOf(invisible)}`, type: "invisible_character" };
}

/** `a`, `a or b`, `a, b or c`. */
function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

const compiled = new Map<string, RegExp>();

/** Of the proto, so there are few. */
function regularExpression(pattern: string): RegExp {
  let expression = compiled.get(pattern);
  if (expression === undefined) compiled.set(pattern, (expression = new RegExp(pattern, "u")));
  return expression;
}

/** As Unicode writes it: `U+202E`. */
function codePointOf(char: string): string {
  return `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}
