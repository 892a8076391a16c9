import type { FieldErrors } from "../../core/field-errors.js";

/** Where something stands in the configuration: `environments`, `0`, `token`. */
export type ConfigPath = readonly string[];

/** The fields of one object of the configuration. Each is read once; `end` refuses those that nobody reads. Null counts as absent. */
export class ConfigFields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #asked = new Set<string>();

  constructor(
    value: unknown,
    readonly path: ConfigPath,
    readonly problems: FieldErrors,
  ) {
    this.#values = isObject(value) ? value : {};
    if (!isObject(value)) problems.add(path, "must be an object", "type");
  }

  at(name: string): ConfigPath {
    return [...this.path, name];
  }

  value(name: string): unknown {
    this.#asked.add(name);
    return Object.hasOwn(this.#values, name) ? (this.#values[name] ?? undefined) : undefined;
  }

  /** Adds a problem of a field; returns undefined. */
  refuse(name: string, msg: string, type: string): undefined {
    this.problems.add(this.at(name), msg, type);
    return undefined;
  }

  /** A text of one line, 1 to `maxLength` characters; undefined when there is none, or it is refused. */
  text(name: string, maxLength = 4096): string | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (typeof value !== "string") return this.refuse(name, "must be a text", "type");
    if (value === "" || value.length > maxLength) {
      return this.refuse(name, `must have 1 to ${maxLength} characters`, "length");
    }
    return /\p{Cc}/u.test(value) ? this.refuse(name, "must be one line, without control characters", "format") : value;
  }

  oneOf<const T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    const choice = choices.find((candidate) => candidate === value);
    return choice ?? this.refuse(name, `must be one of ${choices.join(", ")}`, "enum");
  }

  wholeNumber(name: string, min: number, max: number): number | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
    return this.refuse(name, `must be a whole number from ${min} to ${max}`, "range");
  }

  /** The items of a list, each with where it stands; empty when there is none. */
  list(name: string, maxItems: number): readonly (readonly [item: unknown, path: ConfigPath])[] {
    const value = this.value(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) return this.refuse(name, "must be a list", "type") ?? [];
    if (value.length > maxItems) return this.refuse(name, `must have at most ${maxItems} items`, "too_many") ?? [];
    return value.map((item: unknown, index) => [item, [...this.at(name), String(index)]] as const);
  }

  /** Seconds, as a number or as `90s`, `5m`, `1h`; in milliseconds. */
  time(name: string, maxSeconds: number): number | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    const text = typeof value === "number" || typeof value === "string" ? String(value) : "";
    const [, digits = "", unit = "s"] = /^(\d{1,10})([smh])?$/.exec(text) ?? [];
    const seconds = digits === "" ? NaN : Number(digits) * (unit === "h" ? 3600 : unit === "m" ? 60 : 1);
    if (seconds >= 1 && seconds <= maxSeconds) return seconds * 1000;
    return this.refuse(name, `must be 1 to ${maxSeconds} seconds, or have a unit: 90s, 5m, 1h`, "format");
  }

  /** Permissions as a text of octal digits. */
  mode(name: string): number | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (typeof value === "string" && /^0?[0-7]{3}$/.test(value)) return Number.parseInt(value, 8);
    return this.refuse(name, 'must be three octal digits in quotes, for example "0640"', "format");
  }

  /** Refuses fields that were not read: a misspelled name must not be ignored. */
  end(): void {
    for (const name of Object.keys(this.#values)) {
      if (this.#asked.has(name)) continue;
      this.problems.add(this.at(name), `is not known here: known are ${[...this.#asked].join(", ")}`, "unknown");
    }
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
