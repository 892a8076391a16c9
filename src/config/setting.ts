import { AppError } from "../core/error.js";

/** A setting: its name, its meaning, and the parser of its text. The CLI makes its flags from these. */
export interface Setting<T = unknown> {
  /** The environment variable; the flag is the same in kebab-case without the prefix. */
  readonly env: `SIGNET_${string}`;
  readonly help: string;
  /** The default, as text. */
  readonly fallback: string;
  /** The value of the flag alone. */
  readonly preset?: string;
  /** A secret has no flag; it comes from the environment or from a file that `NAME_FILE` names. */
  readonly secret: boolean;
  /** A standard's own variables, read in this order when ours is not set, each by its own parser. */
  readonly standard?: Readonly<Record<string, (text: string, name: string) => T>>;
  /** Throws `invalid`, naming the setting by `name`, for a text that cannot be used. */
  parse(text: string, name: string): T;
}

/** The values of a group of settings, by their names. */
export type ValuesOf<S> = {
  readonly [K in keyof S]: S[K] extends { parse(text: string, name: string): infer T } ? T : never;
};

/** A setting that is no secret and has no standard variables. */
export function setting<T>(
  env: `SIGNET_${string}`,
  fallback: string,
  help: string,
  parse: (text: string, name: string) => T,
): Setting<T> {
  return { env, help, fallback, parse, secret: false };
}

/** Parses a text that must not be empty: that would be every address to Node, and the current directory to the file system. */
export function text(value: string, name: string): string {
  if (value === "") throw new AppError("invalid", `${name} must not be empty`);
  return value;
}

/** Parses a text; empty is null. */
export const textOrNull = (value: string) => (value === "" ? null : value);

/** A parser of whole numbers from `min` to `max`. */
export function wholeNumber(min: number, max: number) {
  return (value: string, name: string): number => {
    const number = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
    if (!(number >= min && number <= max)) {
      throw new AppError("invalid", `${name} must be a whole number from ${min} to ${max}, not "${value}"`);
    }
    return number;
  };
}

/** A parser of a closed list of words. */
export function oneOf<const T extends string>(...choices: readonly T[]) {
  return (value: string, name: string): T => {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) {
      throw new AppError("invalid", `${name} must be one of ${choices.join(", ")}, not "${value}"`);
    }
    return found;
  };
}

/** The flag of a setting: SIGNET_RATE_LIMIT is `rate-limit`. */
export function flagOf(setting: Pick<Setting, "env">): string {
  return setting.env.slice("SIGNET_".length).toLowerCase().replaceAll("_", "-");
}
