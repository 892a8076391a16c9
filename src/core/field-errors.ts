import { invalidFields, MAX_FIELD_ERRORS, type FieldError } from "./error.js";

/** The longest key that an error repeats: a key can be as long as the body. */
const MAX_SHOWN_KEY = 200;

/** Gathers the refused fields of one request, so that the caller gets all of them at once. Keeps the first hundred. */
export class FieldErrors {
  readonly found: FieldError[] = [];

  /** @param loc as in FieldError: `body`, `path`, `query` or `header`, then the field, then keys and indexes inside of it */
  add(loc: readonly string[], msg: string, type: string): void {
    if (this.found.length < MAX_FIELD_ERRORS) this.found.push({ loc: loc.map(shown), msg, type });
  }

  /** Throws `invalid` with all of them when there is any. */
  throwIfAny(): void {
    if (this.found.length > 0) throw invalidFields(this.found);
  }
}

function shown(key: string): string {
  return key.length > MAX_SHOWN_KEY ? `${key.slice(0, MAX_SHOWN_KEY)}…` : key;
}
