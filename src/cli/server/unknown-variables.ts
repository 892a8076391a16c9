import { SETTINGS, SETTING_NAMES } from "../../config/config.js";
import { FIXED_LIMITS } from "../../config/fixed-limits.js";
import type { Io } from "../shell/io.js";

/** Variables that client commands read; not settings of the server. */
export const COMMAND_VARIABLES: readonly string[] = [
  "SIGNET_URL",
  "SIGNET_TOKEN",
  "SIGNET_TOKEN_FILE",
  "SIGNET_CA",
  "SIGNET_CLIENT_CERT",
  "SIGNET_CLIENT_KEY",
  "SIGNET_ORG",
  "SIGNET_PROJECT",
  "SIGNET_ENV",
  "SIGNET_CONTEXT",
  "SIGNET_CONFIG",
  "SIGNET_TRUST_KEY",
  "SIGNET_TRUST_KEY_FILE",
  "SIGNET_TRUST_PASSPHRASE",
  "SIGNET_TRUST_PASSPHRASE_FILE",
];

/** Kubernetes sets these in every container of a namespace with a Service named signet. */
const OF_KUBERNETES = /^SIGNET_(SERVICE_(HOST|PORT)|PORT_\d+_)/;

/**
 * The sorted names of variables that begin with SIGNET_ and that nothing reads: probably misspelt.
 *
 * @param declared variables that a declaration refers to
 */
export function unknownVariables(environment: Io["environment"], declared: ReadonlySet<string>): readonly string[] {
  const settings = SETTING_NAMES.flatMap((name) => [SETTINGS[name].env, `${SETTINGS[name].env}_FILE`]);
  const known = new Set<string>([...settings, ...COMMAND_VARIABLES, ...Object.keys(FIXED_LIMITS), ...declared]);
  return Object.keys(environment)
    .filter((name) => name.startsWith("SIGNET_") && !known.has(name) && !OF_KUBERNETES.test(name))
    .sort();
}

/** The sorted names of variables of limits that are fixed now: nothing reads them. */
export function fixedLimitVariables(environment: Io["environment"]): readonly string[] {
  return Object.keys(FIXED_LIMITS)
    .filter((name) => environment[name] !== undefined)
    .sort();
}
