import { AppError } from "../core/error.js";

/** One setting: how it is called, what it means, how its text is read. The CLI makes its flags from this list. */
export interface Setting<T = unknown> {
  /** The environment variable; the flag is the same in kebab-case without the prefix. */
  readonly env: `SIGNET_${string}`;
  readonly help: string;
  /** What is used when nobody says anything, as text. */
  readonly fallback: string;
  /** What the flag alone, without a value, means. */
  readonly preset?: string;
  /** A secret has no flag; it comes by environment or by a file that `NAME_FILE` names. */
  readonly secret: boolean;
  /** A standard's own variables, which are read in this order when ours is not set, each with its own reader. */
  readonly standard?: Readonly<Record<string, (text: string, name: string) => T>>;
  parse(text: string, name: string): T;
}

/** An ordinary one: no secret, with no name but its own. */
export function setting<T>(
  env: `SIGNET_${string}`,
  fallback: string,
  help: string,
  parse: (text: string, name: string) => T,
): Setting<T> {
  return { env, help, fallback, parse, secret: false };
}

/** Empty would be every address to Node, and the current directory to the file system. */
export function text(value: string, name: string): string {
  if (value === "") throw new AppError("invalid", `${name} must not be empty`);
  return value;
}

export const textOrNull = (value: string) => (value === "" ? null : value);

export function wholeNumber(min: number, max: number) {
  return (value: string, name: string): number => {
    const number = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
    if (!(number >= min && number <= max)) {
      throw new AppError("invalid", `${name} must be a whole number from ${min} to ${max}, not "${value}"`);
    }
    return number;
  };
}

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
export function flagOf(setting: Setting): string {
  return setting.env.slice("SIGNET_".length).toLowerCase().replaceAll("_", "-");
}
