import type { DescField } from "@bufbuild/protobuf";
import type { FieldErrors } from "../core/field-errors.js";
import { fieldRulesOf } from "../json-form/field-rules.js";
import { keptText, refuseNumber, refuseText, type NumberRules } from "../rules/check-value.js";

/** Where something stands: `organizations`, `0`, `tokens`, `2`, `sha256`. */
export type Path = readonly string[];

/** The fields of one object of the file. Each is read once; `end` refuses those that were not read. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #asked = new Set<string>();

  constructor(
    value: unknown,
    readonly path: Path,
    readonly problems: FieldErrors,
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

  /** A text by the rules of the API's field for it; "" when there is none. */
  requiredText(name: string, field: DescField): string {
    if (!this.has(name)) this.problems.add(this.at(name), "is required", "missing");
    return this.text(name, field) ?? "";
  }

  /** As requiredText; undefined when there is none. An empty one is refused. */
  text(name: string, field: DescField): string | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    if (typeof value !== "string") return this.#refuse(name, "must be a text", "type");
    const rules = { ...fieldRulesOf(field), minLength: 1 };
    const text = keptText(value, rules);
    const refusal = refuseText(text, rules);
    return refusal === undefined ? text : this.#refuse(name, refusal.msg, refusal.type);
  }

  /** As text, where null says none. */
  textOrNull(name: string, field: DescField): string | null | undefined {
    return this.#take(name) === null ? null : this.text(name, field);
  }

  wholeNumber(name: string, rules: NumberRules): number | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isInteger(value))
      return this.#refuse(name, "must be a whole number", "type");
    const refusal = refuseNumber(value, rules);
    return refusal === undefined ? value : this.#refuse(name, refusal.msg, refusal.type);
  }

  wholeNumberOrNull(name: string, rules: NumberRules): number | null | undefined {
    return this.#take(name) === null ? null : this.wholeNumber(name, rules);
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

  /** Texts of at most 255 characters, as many as the API's field takes. */
  texts(name: string, field: DescField): readonly string[] | undefined {
    return this.list(name, fieldRulesOf(field).maxItems)?.flatMap(([item, path]) => {
      if (typeof item === "string" && item !== "" && item.length <= 255) return [item];
      this.problems.add(path, "must be a text of 1 to 255 characters", "type");
      return [];
    });
  }

  value(name: string): unknown {
    return this.#take(name);
  }

  /** Refuses fields that were not read: a misspelled name must not be ignored. */
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
