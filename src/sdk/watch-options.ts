import { isUuid } from "../core/uuid.js";
import type { BackoffOptions } from "./backoff.js";
import type { BundleCache } from "./bundle-cache.js";
import { checkKeys, type Trust } from "./verify-activation.js";
import { check, checkInstance, hasMethods, isObject, isPositive, isText } from "./option-checks.js";

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

/** Throws a TypeError that names what is wrong. */
export function checkWatchOptions(options: WatchOptions): void {
  check(isObject(options), "options", "an object");
  const { keys, expect, afterDeploymentId = "", cache, requireSignatureV2 = true, verifier } = options;
  if (typeof keys !== "function") checkKeys(keys);
  checkExpected(expect);
  checkInstance(options);
  check(typeof requireSignatureV2 === "boolean", "requireSignatureV2", "true or false");
  check(verifier === undefined || hasMethods(verifier, "verify"), "verifier", "an object with verify");
  check(isCount(options.afterSequence ?? 0), "afterSequence", "a whole number of 32 bits");
  check(isText(afterDeploymentId, 64), "afterDeploymentId", "a text of at most 64 characters");
  check(isPositive(options.heartbeatMs ?? 1), "heartbeatMs", "a number above 0");
  check(isPositive(options.maxAgeMs ?? 1), "maxAgeMs", "a number above 0");
  check(cache === undefined || hasMethods(cache, "load", "store"), "cache", "an object with load and store");
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

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff;
}
