import { isUuid } from "../../core/uuid.js";
import { ENVIRONMENT, MAX_CONTENT_BYTES } from "../../bundle/trust/forms.js";
import type { TrustIdentity } from "../../bundle/trust/trust-state.js";
import { check, hasMethods, isKeys, isObject } from "../../bundle/verify-arguments.js";
import { parsePublicKey, type PublicKey } from "../../bundle/keys.js";
import type { TokenSource } from "../authorized-transport.js";
import type { BackoffOptions } from "../backoff.js";
import { checkBackoff, checkLabels, checkServer, isPositive, isText } from "../option-checks.js";
import type { RuntimeCache } from "./runtime-cache.js";
import type { TransportName } from "./runtime.js";

/**
 * What a runtime trusts: the root document of its project, as `signet trust init` made it, or keys of the server (level 0 of
 * docs/trust.md), as PEM texts or as parsePublicKey returns them. Either comes from the configuration, never from the server.
 */
export type RuntimeTrust = { readonly root: string } | { readonly keys: readonly (string | PublicKey)[] };

/** The options of openRuntime, wherever it runs. */
export interface RuntimeOptions {
  /** `http://host:port` or `https://host:port`; a path is prefixed to that of every call. */
  readonly url: string;
  /** A runtime token of the environment, or a function that returns the current one, asked for every call. */
  readonly token: TokenSource;
  readonly trust: RuntimeTrust;
  /** UUIDs of organization and project, and the environment's name, as `signet whoami` says them: nothing of any other is accepted. */
  readonly identity: TrustIdentity;
  /** Names this instance in the fleet view; 1 to 128 characters. */
  readonly instanceId: string;
  /** Name and version of the program, for the fleet view; at most 255 characters. */
  readonly agent?: string;
  /** For the fleet view; at most 64, values of at most 255 characters. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Default: none, so that the runtime starts with nothing while the server is away, and knows no floor of before. */
  readonly cache?: RuntimeCache;
  /** When the proof has run out: serve on what was proven last (default), or close: `current` is null until there is a new proof. */
  readonly onExpired?: "serve" | "close";
  /** When a newer root revokes what runs. Default: close. */
  readonly onRevoked?: "serve" | "close";
  /** The ways to follow the server, best first. Default: all that there are here. */
  readonly transports?: readonly TransportName[];
  /** The largest content; default and most: 16 MiB. */
  readonly maxContentBytes?: number;
  /**
   * Whether what is applied and refused is reported to the fleet view. Default: true. `"caller"`: what is refused is, and the program
   * says itself what it applied, by `report`.
   */
  readonly reports?: boolean | "caller";
  /** The server's heartbeat interval, default 15 s: three intervals without a message end a connection. */
  readonly heartbeatMs?: number;
  /**
   * How long a connection may take to its first message before the next way is tried. Default: 4 s; twice as long each time that no way
   * had one, up to 45 s.
   */
  readonly firstMessageMs?: number;
  /** When a better way is tried again. Default: 5 min, then twice as long each time, up to an hour. */
  readonly climbMs?: number;
  /** The waits between connections. Default: up to 10 s, 20 s, 40 s, 60 s, at random. */
  readonly backoff?: BackoffOptions;
  /** The waits after a refusal. Default: up to 10 s, 20 s, … 5 min, at random. */
  readonly refusalBackoff?: BackoffOptions;
  /** The clock that expiry is measured by. Default: the machine's. */
  readonly now?: () => Date;
}

/** Throws a TypeError that names the first invalid option. */
export function checkRuntimeOptions(options: RuntimeOptions, known: readonly TransportName[]): void {
  check(isObject(options), "options", "an object");
  const { url, token } = options;
  checkServer(url, 1);
  // A token that no header can carry would look like an unavailable server.
  const isToken = typeof token === "function" || (typeof token === "string" && /^[\x20-\x7e]+$/.test(token));
  check(isToken, "token", "printable ASCII characters, or a function that returns them");
  checkTrust(options.trust);
  checkIdentity(options.identity);
  const { instanceId, agent = "", labels = {}, cache, reports = true, now } = options;
  check(isText(instanceId, 128) && instanceId !== "", "instanceId", "a text of 1 to 128 characters");
  check(isText(agent, 255), "agent", "a text of at most 255 characters");
  checkLabels(labels);
  check(cache === undefined || hasMethods(cache, "load", "store"), "cache", "an object with load and store");
  for (const name of ["onExpired", "onRevoked"] as const) {
    check(["serve", "close", undefined].includes(options[name]), name, '"serve" or "close"');
  }
  const { transports = known, maxContentBytes = 1 } = options;
  const areKnown =
    Array.isArray(transports) &&
    transports.length > 0 &&
    (transports as readonly TransportName[]).every((name) => known.includes(name));
  check(areKnown, "transports", `a list of ${known.join(", ")}`);
  check(isPositive(maxContentBytes) && maxContentBytes <= MAX_CONTENT_BYTES, "maxContentBytes", "at most 16 MiB");
  check(typeof reports === "boolean" || reports === "caller", "reports", 'true, false or "caller"');
  for (const name of ["heartbeatMs", "firstMessageMs", "climbMs"] as const) {
    check(isPositive(options[name] ?? 1), name, "a number above 0");
  }
  checkBackoff(options.backoff, "backoff");
  checkBackoff(options.refusalBackoff, "refusalBackoff");
  check(now === undefined || typeof now === "function", "now", "a function that returns a Date");
}

/** The keys of level 0. Throws a TypeError for anything else. */
export function pinnedKeys(keys: readonly (string | PublicKey)[]): readonly PublicKey[] {
  return keys.map((key) => {
    if (typeof key !== "string") return key;
    try {
      return parsePublicKey(key);
    } catch (cause) {
      throw new TypeError("trust.keys must be Ed25519 public keys, as PEM texts", { cause });
    }
  });
}

function checkTrust(trust: RuntimeTrust): void {
  check(isObject(trust), "trust", "{ root } or { keys }");
  const { root, keys } = trust as { root?: unknown; keys?: unknown };
  check((root === undefined) !== (keys === undefined), "trust", "either { root } or { keys }");
  if (root !== undefined) return check(typeof root === "string", "trust.root", "the text of a root document");
  const areKeys = Array.isArray(keys) && keys.length > 0;
  check(areKeys, "trust.keys", "a list of public keys");
  check(isKeys(pinnedKeys(keys as (string | PublicKey)[])), "trust.keys", "PEM texts, or what parsePublicKey returns");
}

function checkIdentity(identity: TrustIdentity): void {
  check(isObject(identity), "identity", "{ orgId, projectId, environment }");
  const { orgId, projectId, environment } = identity as Partial<Record<keyof TrustIdentity, unknown>>;
  check(typeof orgId === "string" && isUuid(orgId), "identity.orgId", "a UUID");
  check(typeof projectId === "string" && isUuid(projectId), "identity.projectId", "a UUID");
  check(typeof environment === "string" && ENVIRONMENT.test(environment), "identity.environment", "its name");
}
