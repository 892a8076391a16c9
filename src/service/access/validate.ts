import { invalidFields, MAX_FIELD_ERRORS, NO_NAMES, type AppError, type FieldError } from "../../core/error.js";
import { invisibleIn } from "../../core/printable.js";
import { isUuid } from "../../core/uuid.js";
import type { Page } from "../../store/page.js";

/** Gathers the refused fields of one request, so that the caller hears of all of them at once. */
export class FieldErrors {
  readonly #fields: FieldError[] = [];

  add(path: readonly string[], msg: string, type: string, place = "body"): void {
    if (this.#fields.length < MAX_FIELD_ERRORS) this.#fields.push({ loc: [place, ...path], msg, type });
  }

  /** Refuses what is no UUID. Returns it as ids are kept: in lower case. */
  uuid(path: readonly string[], value: string | null | undefined, place = "body"): string {
    if (value === null || value === undefined || value === "") this.add(path, "is required", "missing", place);
    else if (!isUuid(value)) this.add(path, `must be a UUID; ${NO_NAMES}`, "uuid", place);
    return (value ?? "").toLowerCase();
  }

  /** Refuses what is none of some words. */
  oneOf<T extends string>(path: readonly string[], value: string | null, words: readonly T[]): T | undefined {
    const known = words.find((word) => word === value);
    if (value === null || value === "") this.add(path, "is required", "missing");
    else if (known === undefined) this.add(path, `must be ${words.join(" or ")}`, "enum");
    return known;
  }

  /** Refuses a text that is longer than `maxLength` characters (code points), shorter than `minLength`, or not printable. */
  text(
    path: readonly string[],
    value: string | null | undefined,
    maxLength: number,
    minLength = 0,
    place = "body",
  ): void {
    if (value === null || value === undefined) {
      if (minLength > 0) this.add(path, "is required", "missing", place);
      return;
    }
    const refuse = (msg: string, type: string) => this.add(path, msg, type, place);
    const length = [...value.slice(0, maxLength * 2 + 2)].length;
    if (minLength > 0 && value.trim() === "") refuse("must not be empty", "too_short");
    else if (length > maxLength) refuse(`must be at most ${maxLength} characters`, "too_long");
    else if (CONTROL.test(value)) refuse("must not contain control characters", "control_character");
    else if (!value.isWellFormed()) refuse("must not contain a lone surrogate", "lone_surrogate");
  }

  /**
   * As text, for a name: all of it can be seen, so that no two names look the same and none does anything to what stands around it.
   * Returns it as names are kept: in NFC.
   */
  name(path: readonly string[], value: string | null, maxLength: number, minLength = 1): string {
    const name = value?.normalize("NFC") ?? null;
    const before = this.#fields.length;
    this.text(path, name, maxLength, minLength);
    const unseen = this.#fields.length > before ? undefined : invisibleIn(name ?? "");
    if (unseen !== undefined) {
      this.add(path, `must not contain invisible characters: ${codePointOf(unseen)}`, "invisible_character");
    }
    return name ?? "";
  }

  /** Refuses labels beyond 64, keys that are not 1 to 63 characters, values over 255. */
  labels(labels: Readonly<Record<string, string>>): void {
    const entries = Object.entries(labels);
    if (entries.length > MAX_LABELS) this.add(["labels"], `must be at most ${MAX_LABELS}`, "too_many");
    for (const [key, value] of entries.slice(0, MAX_LABELS)) {
      if (key === "__proto__") this.add(["labels", key], "is not a name for a label", "prototype_key");
      this.text(["labels", key], key, 63, 1);
      this.text(["labels", key], value, 255);
    }
  }

  /** Refuses days outside of 1 to 3,650. */
  expiresInDays(days: number | null | undefined): void {
    if (days === null || days === undefined) return;
    if (!Number.isInteger(days) || days < 1 || days > 3650) {
      this.add(["expires_in_days"], "must be from 1 to 3,650", "range");
    }
  }

  get isEmpty(): boolean {
    return this.#fields.length === 0;
  }

  /** `invalid` with all of them. */
  toError(): AppError {
    return invalidFields(this.#fields);
  }

  /** Throws `invalid` with all of them when there is any. */
  throwIfAny(): void {
    if (!this.isEmpty) throw this.toError();
  }
}

/** As Unicode writes it: `U+202E`. */
function codePointOf(char: string): string {
  return `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

// Line breaks and tabs are text; the rest of C0, DEL and C1 is not.
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;
const MAX_LABELS = 64;

/** A page of a list. Throws `invalid` for a limit outside of 1 to `max`. */
export function pageOf(limit: number | undefined, offset: number, max: number, fallback: number): Page {
  return { limit: limitOf(limit, max, fallback), offset };
}

/** As pageOf, for lists that page by key. */
export function limitOf(limit: number | undefined, max: number, fallback: number): number {
  if (limit === undefined) return fallback;
  if (limit < 1 || limit > max) {
    throw invalidFields([{ loc: ["query", "limit"], msg: `must be from 1 to ${max}`, type: "range" }]);
  }
  return limit;
}
