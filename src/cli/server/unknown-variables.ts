import { SETTINGS, SETTING_NAMES } from "../../config/config.js";
import type { Io } from "../shell/io.js";

/** What commands read that is no setting of the server. */
export const COMMAND_VARIABLES: readonly string[] = [
  "SIGNET_URL",
  "SIGNET_TOKEN",
  "SIGNET_TOKEN_FILE",
  "SIGNET_CA",
  "SIGNET_CLIENT_CERT",
  "SIGNET_CLIENT_KEY",
];

/** Read only to be refused (config.ts). */
const REFUSED: readonly string[] = ["SIGNET_DATABASE_URL", "SIGNET_DATABASE_URL_FILE"];

/** Kubernetes sets these for every container beside a Service that is called signet. */
const OF_KUBERNETES = /^SIGNET_(SERVICE_(HOST|PORT)|PORT_\d+_)/;

/**
 * The names of variables that begin like ours and that nothing reads: mistyped ones, most likely. In order.
 *
 * @param declared what a declaration reads
 */
export function unknownVariables(environment: Io["environment"], declared: ReadonlySet<string>): readonly string[] {
  const settings = SETTING_NAMES.flatMap((name) => [SETTINGS[name].env, `${SETTINGS[name].env}_FILE`]);
  const known = new Set<string>([...settings, ...COMMAND_VARIABLES, ...REFUSED, ...declared]);
  return Object.keys(environment)
    .filter((name) => name.startsWith("SIGNET_") && !known.has(name) && !OF_KUBERNETES.test(name))
    .sort();
}
