import { check, isObject } from "../bundle/verify-arguments.js";
import type { BackoffOptions } from "./backoff.js";

/** The options of an instance. */
interface InstanceOptions {
  readonly instanceId: string;
  readonly signal: AbortSignal;
  readonly labels?: Readonly<Record<string, string>>;
  readonly backoff?: BackoffOptions;
}

/** Checks the options that the watch and the reporter share. Throws like check. */
export function checkInstance({ instanceId, signal, labels = {}, backoff }: InstanceOptions): void {
  check(isText(instanceId, 128), "instanceId", "a text of at most 128 characters");
  check((signal as unknown) instanceof AbortSignal, "signal", "an AbortSignal");
  checkLabels(labels);
  checkBackoff(backoff, "backoff");
}

/** Checks labels. Throws like check. */
export function checkLabels(labels: Readonly<Record<string, string>>): void {
  check(isObject(labels), "labels", "an object");
  const entries = Object.entries(labels);
  check(entries.length <= 64, "labels", "at most 64");
  for (const [key, value] of entries) check(isText(value, 255), `labels.${key}`, "a text of at most 255 characters");
}

/** Checks waits. Throws like check. */
export function checkBackoff(backoff: BackoffOptions | undefined, name: string): void {
  const { baseMs, maxMs, random } = backoff ?? { baseMs: 1, maxMs: 1, random: Math.random };
  check(isPositive(baseMs) && isPositive(maxMs), name, "times above 0");
  check(typeof random === "function", `${name}.random`, "a function");
}

/** Whether a value is a string of at most so many code points; looks at no more than those. */
export function isText(value: unknown, maxLength: number): boolean {
  return typeof value === "string" && [...value.slice(0, 2 * maxLength + 2)].length <= maxLength;
}

/** Whether a value is a number above 0. */
export function isPositive(value: unknown): boolean {
  return typeof value === "number" && value > 0;
}

/** The longest timer of Node and of browsers; a longer one would fire at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Checks the options that the transports share. Throws like check. */
export function checkServer(url: unknown, timeoutMs: unknown): void {
  const protocol = typeof url === "string" && URL.canParse(url) ? new URL(url).protocol : "";
  check(protocol === "http:" || protocol === "https:", "url", "http://host:port or https://host:port");
  const isTimeout = typeof timeoutMs === "number" && timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS;
  check(isTimeout, "timeoutMs", `a number above 0, at most ${MAX_TIMEOUT_MS}`);
}
