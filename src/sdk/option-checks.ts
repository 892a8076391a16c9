import type { BackoffOptions } from "./backoff.js";

/**
 * Throws a TypeError that names an option: a caller's mistake must not look like a bundle that is not good, or like a server that is
 * away. The value is not repeated: it can be a token.
 */
export function check(isGood: boolean, name: string, wanted: string): void {
  if (!isGood) throw new TypeError(`${name} must be ${wanted}`);
}

/** What an instance says of itself. */
interface InstanceOptions {
  readonly instanceId: string;
  readonly signal: AbortSignal;
  readonly labels?: Readonly<Record<string, string>>;
  readonly backoff?: BackoffOptions;
}

/** Those that the watch and the reporter share. Throws as check. */
export function checkInstance({ instanceId, signal, labels = {}, backoff }: InstanceOptions): void {
  check(isText(instanceId, 128), "instanceId", "a text of at most 128 characters");
  check((signal as unknown) instanceof AbortSignal, "signal", "an AbortSignal");
  check(isObject(labels), "labels", "an object");
  const entries = Object.entries(labels);
  check(entries.length <= 64, "labels", "at most 64");
  for (const [key, value] of entries) check(isText(value, 255), `labels.${key}`, "a text of at most 255 characters");
  const { baseMs, maxMs, random } = backoff ?? { baseMs: 1, maxMs: 1, random: Math.random };
  check(isPositive(baseMs) && isPositive(maxMs), "backoff", "times above 0");
  check(typeof random === "function", "backoff.random", "a function");
}

export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Whether a value has these methods. */
export function hasMethods(value: unknown, ...names: readonly string[]): boolean {
  return isObject(value) && names.every((name) => typeof (value as Record<string, unknown>)[name] === "function");
}

export function isText(value: unknown, maxLength: number): boolean {
  return typeof value === "string" && [...value.slice(0, 2 * maxLength + 2)].length <= maxLength;
}

export function isPositive(value: unknown): boolean {
  return typeof value === "number" && value > 0;
}
