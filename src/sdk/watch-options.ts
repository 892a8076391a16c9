import { isUuid } from "../core/uuid.js";
import type { BackoffOptions } from "./backoff.js";
import type { BundleCache } from "./bundle-cache.js";
import { checkKeys, type Trust } from "./verify-activation.js";
import { check, hasMethods, isObject } from "../bundle/verify-arguments.js";
import { checkInstance, isPositive, isText } from "./option-checks.js";

/** The options of watchBundle. */
export interface WatchOptions extends Trust {
  /** Names this instance in the fleet view; at most 128 characters. */
  readonly instanceId: string;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** The newest applied sequence; default: 0, nothing. A newer one in the cache overrides it. */
  readonly afterSequence?: number;
  /** The deployment_id of that activation: detects another activation with the same number after a restore of the server. */
  readonly afterDeploymentId?: string;
  /** For the fleet view; at most 64, values of at most 255 characters. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly cache?: BundleCache;
  /** Rejects a cached bundle that the server confirmed longer ago. Default: no limit. */
  readonly maxAgeMs?: number;
  /** The server's heartbeat interval, default 15 s: after three intervals without a message the watch reconnects. */
  readonly heartbeatMs?: number;
  readonly backoff?: BackoffOptions;
}

/** Throws a TypeError that names the first invalid option. */
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
