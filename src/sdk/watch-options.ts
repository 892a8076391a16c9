import { isUuid } from "../core/uuid.js";
import type { BackoffOptions } from "./backoff.js";
import type { BundleCache } from "./bundle-cache.js";
import { checkKeys } from "./key-source.js";
import type { Trust } from "./verify-activation.js";

export interface WatchOptions extends Trust {
  /** Names this instance in the fleet view; at most 128 characters. */
  readonly instanceId: string;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** The newest sequence that was applied; 0 (nothing) by default. A cache that has a newer one counts instead. */
  readonly afterSequence?: number;
  /** The deployment_id of that activation: with it, another activation of the same number is seen after the server was restored. */
  readonly afterDeploymentId?: string;
  /** For the fleet view; at most 64. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly cache?: BundleCache;
  /** A bundle from the cache is rejected when the server last said longer ago that it is the active one. No limit by default. */
  readonly maxAgeMs?: number;
  /** How often the server sends a heartbeat, 15 s by default: after three times that without a word it is called again. */
  readonly heartbeatMs?: number;
  readonly backoff?: BackoffOptions;
}

/** Throws a TypeError that names what is wrong: a caller's mistake must not look like a bundle that is not good, or like a server that is away. */
export function checkWatchOptions(options: WatchOptions): void {
  const { keys, expect, instanceId, signal, labels = {}, afterDeploymentId = "" } = options;
  if (typeof keys !== "function") checkKeys(keys);
  checkExpected(expect);
  check(isText(instanceId, 128), "instanceId", "a text of at most 128 characters");
  check((signal as unknown) instanceof AbortSignal, "signal", "an AbortSignal");
  check(isCount(options.afterSequence ?? 0), "afterSequence", "a whole number of 32 bits");
  check(isText(afterDeploymentId, 64), "afterDeploymentId", "a text of at most 64 characters");
  check(isObject(labels), "labels", "an object");
  const entries = Object.entries(labels);
  check(entries.length <= 64, "labels", "at most 64");
  for (const [key, value] of entries) check(isText(value, 255), `labels.${key}`, "a text of at most 255 characters");
  check(isPositive(options.heartbeatMs ?? 1), "heartbeatMs", "a number above 0");
  check(isPositive(options.maxAgeMs ?? 1), "maxAgeMs", "a number above 0");
  const { baseMs, maxMs, random } = options.backoff ?? { baseMs: 1, maxMs: 1, random: Math.random };
  check(isPositive(baseMs) && isPositive(maxMs), "backoff", "times above 0");
  check(typeof random === "function", "backoff.random", "a function");
  const { cache } = options;
  check(cache === undefined || isCache(cache), "cache", "an object with load and store");
}

function checkExpected(expect: WatchOptions["expect"]): void {
  check(isObject(expect), "expect", "an object, empty to expect nothing");
  for (const name of ["orgId", "projectId"] as const) {
    const value = expect[name];
    check(value === undefined || (typeof value === "string" && isUuid(value)), `expect.${name}`, "a UUID");
  }
  const { environment } = expect;
  check(environment === undefined || isText(environment, 63), "expect.environment", "the name of an environment");
}

function check(isGood: boolean, name: string, wanted: string): void {
  if (!isGood) throw new TypeError(`${name} must be ${wanted}`);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isCache(value: unknown): boolean {
  const { load, store } = value as Partial<Record<"load" | "store", unknown>>;
  return isObject(value) && typeof load === "function" && typeof store === "function";
}

function isText(value: unknown, maxLength: number): boolean {
  return typeof value === "string" && [...value.slice(0, 2 * maxLength + 2)].length <= maxLength;
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff;
}

function isPositive(value: unknown): boolean {
  return typeof value === "number" && value > 0;
}
