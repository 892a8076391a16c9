import type { FieldError } from "../core/error.js";
import { invisibleIn } from "../core/printable.js";

/** Where something stands: `organizations`, `0`, `tokens`, `2`, `sha256`. */
export type Path = readonly string[];

/** Gathers what is wrong with a file, so that all of it is told at once. */
export class Problems {
  readonly found: FieldError[] = [];

  add(path: Path, msg: string, type: string): void {
    this.found.push({ loc: path, msg, type });
  }
}

/** The fields of one object of the file. Each is asked for once; what nobody asked for is refused by `end`. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #asked = new Set<string>();

  constructor(
    value: unknown,
    readonly path: Path,
    readonly problems: Problems,
  ) {
    this.#values = isObject(value) ? value : {};
    if (!isObject(value)) problems.add(path, "must be an object", "type");
  }

  at(name: string): Path {
    return [...this.path, name];
  }

  has(name: string): boolean {
    return this.#take(name) !== undefined;
  }

  /** A text in NFC of 1 to `maxLength` characters; "" when there is none. */
  requiredText(name: string, maxLength: number): string {
    if (!this.has(name)) this.problems.add(this.at(name), "is required", "missing");
    return this.text(name, maxLength) ?? "";
  }

  text(name: string, maxLength: number): string | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    if (typeof value !== "string") return this.#refuse(name, "must be a text", "type");
    const length = [...value].length;
    if (invisibleIn(value) !== undefined) {
      return this.#refuse(name, "must not contain invisible characters", "invisible_character");
    }
    if (length < 1 || length > maxLength) return this.#refuse(name, `must have 1 to ${maxLength} characters`, "length");
    return value.normalize("NFC");
  }

  /** As text, where null says none. */
  textOrNull(name: string, maxLength: number): string | null | undefined {
    return this.#take(name) === null ? null : this.text(name, maxLength);
  }

  wholeNumber(name: string, min: number, max: number): number | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
      return this.#refuse(name, `must be a whole number from ${min} to ${max}`, "range");
    }
    return value;
  }

  wholeNumberOrNull(name: string, min: number, max: number): number | null | undefined {
    return this.#take(name) === null ? null : this.wholeNumber(name, min, max);
  }

  boolean(name: string): boolean | undefined {
    const value = this.#take(name);
    if (value === undefined || typeof value === "boolean") return value;
    return this.#refuse(name, "must be true or false", "type");
  }

  oneOf<const T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.#take(name);
    const choice = choices.find((candidate) => candidate === value);
    return (
      choice ?? this.#refuse(name, `must be one of ${choices.join(", ")}`, value === undefined ? "missing" : "enum")
    );
  }

  /** The items of a list, each with where it stands. */
  list(name: string, maxItems: number): readonly (readonly [item: unknown, path: Path])[] | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) return this.#refuse(name, "must be a list", "type");
    if (value.length > maxItems) return this.#refuse(name, `must have at most ${maxItems} items`, "too_many");
    return value.map((item: unknown, index) => [item, [...this.at(name), String(index)]] as const);
  }

  texts(name: string, maxItems: number): readonly string[] | undefined {
    return this.list(name, maxItems)?.flatMap(([item, path]) => {
      if (typeof item === "string" && item !== "" && item.length <= 255) return [item];
      this.problems.add(path, "must be a text of 1 to 255 characters", "type");
      return [];
    });
  }

  value(name: string): unknown {
    return this.#take(name);
  }

  /** Refuses what nobody asked for: a misspelled name would be a wish that nobody hears. */
  end(): void {
    for (const name of Object.keys(this.#values)) {
      if (!this.#asked.has(name)) this.problems.add(this.at(name), "is not known here", "unknown");
    }
  }

  #take(name: string): unknown {
    this.#asked.add(name);
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
  }

  #refuse(name: string, msg: string, type: string): undefined {
    this.problems.add(this.at(name), msg, type);
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
