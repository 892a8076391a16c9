import { invalidFields, MAX_FIELD_ERRORS, type FieldError } from "../../core/error.js";

/** The longest key that an error repeats: a key can be as long as the body. */
const MAX_SHOWN_KEY = 200;

/** The field errors of one request, so that a caller hears of all of them at once. */
export class FieldErrors {
  private readonly found: FieldError[] = [];

  add(loc: readonly string[], msg: string, type: string): void {
    if (this.found.length < MAX_FIELD_ERRORS) this.found.push({ loc: loc.map(shown), msg, type });
  }

  /** Throws `invalid` with the first hundred of what was added; nothing when nothing was. */
  throwIfAny(): void {
    if (this.found.length > 0) throw invalidFields(this.found);
  }
}

function shown(key: string): string {
  return key.length > MAX_SHOWN_KEY ? `${key.slice(0, MAX_SHOWN_KEY)}…` : key;
}
