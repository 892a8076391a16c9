import { decodeBase64, encodeBase64 } from "../base64.js";
import { envelopeKeyId } from "../envelope/dsse.js";
import { parseSignedObject, type SignedObject } from "../envelope/signed-json.js";
import { keyId, type PublicKey } from "../keys.js";
import { DIGEST, ENVIRONMENT, MAX_ID_LENGTH } from "./forms.js";
import { orMalformed, TrustError } from "./trust-error.js";
import { END_OF_TIME, timeOf, trustTime, type TrustTime } from "./trust-time.js";

/** The payload type of a root's envelope. */
export const ROOT_TYPE = "application/vnd.signet.root+json";

/** What a key may sign: the next root, activations, leases, releases. */
export type Role = "root" | "activation" | "lease" | "release";

/** All of {@link Role}, in the order in which a root names them. */
export const ROLES = ["root", "activation", "lease", "release"] as const satisfies readonly Role[];

/** How many distinct keys must sign, and which may. */
export interface RoleRule {
  /** 0 for `release` alone: no release is asked for. */
  readonly threshold: number;
  /** Each is the full id of a key of the root: 64 hex digits. */
  readonly keyIds: readonly string[];
}

/** The rules of an environment that differ from the root's. */
export type EnvironmentRules = Partial<Readonly<Record<Exclude<Role, "root">, RoleRule>>>;

/** Who may say what about a project: the document that a runtime pins. */
export interface Root {
  readonly orgId: string;
  readonly projectId: string;
  /** 1, 2, … without gaps; 0 for {@link pinnedRoot}. */
  readonly version: number;
  readonly expiresAt: TrustTime;
  /** By their full id ({@link envelopeKeyId}). */
  readonly keys: ReadonlyMap<string, PublicKey>;
  readonly roles: Readonly<Record<Role, RoleRule>>;
  /** By the name of the environment. */
  readonly environments: ReadonlyMap<string, EnvironmentRules>;
  /** Whether the server may go back to a release with a lower number, or only the authors, by a new release. */
  readonly rollback: "server" | "release";
  /** SHA-256, in hex, of contents or of the payloads of releases. */
  readonly revoked: readonly string[];
  /** For people: a name by full key id ("alice"). Decides nothing. */
  readonly names: Readonly<Record<string, string>>;
}

/** The keys of a role, of which `threshold` must sign. */
export interface Signatories {
  readonly threshold: number;
  readonly keys: readonly PublicKey[];
}

/** Roots that one update follows; the next update goes on. */
export const MAX_ROOTS_AT_ONCE = 64;

const KIND = "signet-root/1";
/** Together with the cap on signatures, it bounds the work on an envelope that nobody signed. */
const MAX_ROLE_KEYS = 64;
const MAX_KEYS = 512;
const MAX_ENVIRONMENTS = 512;
const MAX_REVOKED = 1024;

/** The payload of a root's envelope. Checks nothing: {@link parseRoot} does. */
export function formatRoot(root: Root): Uint8Array {
  const { orgId, projectId, version, expiresAt, keys, roles, environments, rollback, revoked, names } = root;
  const rules = (some: EnvironmentRules) =>
    Object.fromEntries(
      ROLES.flatMap((role) => {
        const rule = (some as Partial<Record<Role, RoleRule>>)[role];
        return rule === undefined ? [] : [[role, { threshold: rule.threshold, keyids: rule.keyIds }]];
      }),
    );
  const text = JSON.stringify({
    type: KIND,
    org_id: orgId,
    project_id: projectId,
    version,
    expires_at: trustTime(expiresAt),
    keys: Object.fromEntries([...keys].map(([id, { bytes }]) => [id, encodeBase64(bytes)])),
    roles: rules(roles),
    environments: Object.fromEntries([...environments].map(([name, some]) => [name, rules(some)])),
    rollback,
    revoked,
    ...(Object.keys(names).length > 0 && { names }),
  });
  return new TextEncoder().encode(text);
}

/**
 * Parses the payload of a root whose signatures were verified. Unknown fields are ignored.
 *
 * @throws TrustError `malformed`, `wrong_type`, or `bad_root` for one that cannot be used
 */
export function parseRoot(payload: Uint8Array): Root {
  return orMalformed(() => {
    const object = parseSignedObject(payload, "root");
    if (object.text("type", 100) !== KIND) throw new TrustError("wrong_type", `the root is not ${KIND}`);
    const keys = keysOf(object);
    const roles = object.object("roles");
    const environments = object.objectsByKey("environments", MAX_ENVIRONMENTS, ENVIRONMENT);
    return {
      orgId: object.text("org_id", MAX_ID_LENGTH),
      projectId: object.text("project_id", MAX_ID_LENGTH),
      version: object.integer("version", 1),
      expiresAt: timeOf(object, "expires_at"),
      keys,
      roles: {
        root: ruleIn(roles, "root", keys),
        activation: ruleIn(roles, "activation", keys),
        lease: ruleIn(roles, "lease", keys),
        release: ruleIn(roles, "release", keys),
      },
      environments: new Map([...environments].map(([name, rules]) => [name, environmentRules(rules, keys)])),
      rollback: object.matching("rollback", /^(?:server|release)$/) as Root["rollback"],
      revoked: object.matchingList("revoked", MAX_REVOKED, DIGEST),
      names: object.has("names") ? object.texts("names", MAX_KEYS, 64, 255) : {},
    };
  });
}

/** The rule of a role in an environment: its own one, else the root's. For roots, and for all environments, the environment is null. */
export function roleRule(root: Root, role: Role, environment: string | null): RoleRule {
  const own = environment === null || role === "root" ? undefined : root.environments.get(environment)?.[role];
  return own ?? root.roles[role];
}

/** What a root calls a key, by its full id; null for one without a name. Others wrote it: escape it where a person reads it. */
export function nameOfKey({ names }: Pick<Root, "names">, id: string): string | null {
  // What every object inherits is no name.
  const name = Object.hasOwn(names, id) ? names[id] : undefined;
  return name === undefined || name === "" ? null : name;
}

/** As {@link roleRule}, with the keys themselves: who must sign. */
export function ruleOf(root: Root, role: Role, environment: string | null): Signatories {
  const { threshold, keyIds } = roleRule(root, role, environment);
  return {
    threshold,
    keys: keyIds.flatMap((id) => {
      const key = root.keys.get(id);
      return key === undefined ? [] : [key];
    }),
  };
}

/**
 * Level 0: trust in just these keys of a server, for activations and leases. It asks for no release, never runs out and has no next
 * version. Its organization and project are empty: the identity is compared with what the runtime expects.
 */
export function pinnedRoot(keys: readonly PublicKey[]): Root {
  const byId = new Map(keys.map((key) => [envelopeKeyId(key), key]));
  const rule: RoleRule = { threshold: 1, keyIds: [...byId.keys()] };
  const none: RoleRule = { threshold: 0, keyIds: [] };
  return {
    orgId: "",
    projectId: "",
    version: 0,
    expiresAt: END_OF_TIME,
    keys: byId,
    roles: { root: none, activation: rule, lease: rule, release: none },
    environments: new Map(),
    rollback: "server",
    revoked: [],
    names: {},
  };
}

function keysOf(object: SignedObject): ReadonlyMap<string, PublicKey> {
  const keys = new Map<string, PublicKey>();
  for (const [id, base64] of Object.entries(object.texts("keys", MAX_KEYS, 64, 44))) {
    const bytes = decodeBase64(base64);
    if (bytes?.length !== 32) throw new TrustError("malformed", `root.keys.${id} must be base64 of 32 bytes`);
    const key = { bytes, keyId: keyId(bytes) };
    if (envelopeKeyId(key) !== id)
      throw new TrustError("bad_root", `root.keys has a key under an id that is not its own`);
    keys.set(id, key);
  }
  return keys;
}

function environmentRules(rules: SignedObject, keys: ReadonlyMap<string, PublicKey>): EnvironmentRules {
  return {
    ...(rules.has("activation") && { activation: ruleIn(rules, "activation", keys) }),
    ...(rules.has("lease") && { lease: ruleIn(rules, "lease", keys) }),
    ...(rules.has("release") && { release: ruleIn(rules, "release", keys) }),
  };
}

function ruleIn(rules: SignedObject, role: Role, keys: ReadonlyMap<string, PublicKey>): RoleRule {
  const rule = rules.object(role);
  const threshold = rule.integer("threshold");
  const keyIds = rule.matchingList("keyids", MAX_ROLE_KEYS, DIGEST);
  const bad = (message: string) => new TrustError("bad_root", `the rule for ${role} ${message}`);
  if (threshold === 0 && role !== "release") throw bad("has threshold 0");
  if (new Set(keyIds).size !== keyIds.length) throw bad("names a key twice");
  if (threshold > keyIds.length) throw bad(`asks for ${threshold} signatures and names ${keyIds.length} keys`);
  const unknown = keyIds.find((id) => !keys.has(id));
  if (unknown !== undefined) throw bad(`names ${unknown.slice(0, 16)}, which is not in keys`);
  return { threshold, keyIds };
}
