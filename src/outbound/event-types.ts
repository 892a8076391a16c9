import { invalidField, invalidFields, type FieldError } from "../core/error.js";
import { EVENT_TYPES } from "../core/webhook.js";

const MAX_PATTERNS = 50;

/** `*`, an event type, or all types of a group: `bundle.*`. */
const PATTERNS: ReadonlySet<string> = new Set([
  "*",
  ...EVENT_TYPES,
  ...EVENT_TYPES.map((type) => `${type.split(".")[0]}.*`),
]);

/** Whether one of the patterns is for an event type. No pattern, no event. */
export function matchesEvent(patterns: readonly string[], type: string): boolean {
  return patterns.some((pattern) => pattern === "*" || pattern === type || pattern === `${type.split(".")[0]}.*`);
}

/**
 * Refuses an empty list, more than 50 patterns, and patterns that no event type matches.
 *
 * @throws AppError `invalid` about `events`
 */
export function validateEventPatterns(patterns: readonly string[]): void {
  if (patterns.length === 0) throw invalidField(["events"], "must not be empty", "too_short");
  if (patterns.length > MAX_PATTERNS) throw invalidField(["events"], `must be at most ${MAX_PATTERNS}`, "too_many");
  const fields = patterns.flatMap((pattern, index): FieldError[] => {
    if (PATTERNS.has(pattern)) return [];
    const msg = `"${pattern.slice(0, 64)}" is not an event type; allowed are ${[...PATTERNS].join(", ")}`;
    return [{ loc: ["body", "events", String(index)], msg, type: "unknown_event" }];
  });
  if (fields.length > 0) throw invalidFields(fields);
}
