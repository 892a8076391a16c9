import { invalidField, invalidFields, MAX_FIELD_ERRORS, type FieldError } from "../core/error.js";
import type { JsonObject } from "./canonical-json.js";

/** Policies by `tenant:app:agent:env`, where `*` stands for any. */
export type ScopePolicies = Readonly<Record<string, JsonObject>>;

const FIELD = "scope_policies";
/** As the proto's max_items say. */
const MAX_SCOPES = 100_000;
const WILDCARD = "*";

/**
 * Checks the scope policies of a publish: an object of at most 100,000 keys, which have exactly four parts and whose
 * values are objects.
 *
 * @throws AppError `invalid` with the first hundred refused keys; `loc` is `["body", "scope_policies", key]`, `type` is `type` or `scope_key`;
 *   with `too_many` about the whole.
 */
export function validateScopePolicies(scopePolicies: unknown): asserts scopePolicies is ScopePolicies {
  if (!isObject(scopePolicies)) throw invalidField([FIELD], "must be an object", "type");
  const entries = Object.entries(scopePolicies);
  if (entries.length > MAX_SCOPES) throw invalidField([FIELD], `must be at most ${MAX_SCOPES}`, "too_many");
  const fields: FieldError[] = [];
  for (const [key, policy] of entries) {
    const loc = ["body", FIELD, key];
    if (key.split(":", 5).length !== 4)
      fields.push({ loc, msg: "the key must be tenant:app:agent:env", type: "scope_key" });
    else if (!isObject(policy)) fields.push({ loc, msg: "the policy must be an object", type: "type" });
    if (fields.length === MAX_FIELD_ERRORS) break;
  }
  if (fields.length > 0) throw invalidFields(fields);
}

/** Whether a key names an environment: whether promotion out of it changes the scope policies. */
export function namesEnvironment(scopePolicies: ScopePolicies, environment: string): boolean {
  return Object.keys(scopePolicies).some((key) => environment !== WILDCARD && key.split(":")[3] === environment);
}

/**
 * The scope policies as they are after promotion: where a key's env part names the source, it names the target.
 *
 * Keys keep their order, policies and other keys are the same objects.
 *
 * @throws AppError `invalid` when two keys become one (`type` is `scope_collision`, `loc` names the key before the rewrite), or
 *   when the target's name cannot stand in a key (`scope_key`).
 */
export function rewriteScopePolicies(scopePolicies: ScopePolicies, fromEnv: string, toEnv: string): ScopePolicies {
  const rewritten = new Map<string, JsonObject>();
  for (const [key, policy] of Object.entries(scopePolicies)) {
    const target = rewriteKey(key, fromEnv, toEnv);
    // Also against the keys that are not rewritten and come later: the order must not decide.
    if (rewritten.has(target) || (target !== key && Object.hasOwn(scopePolicies, target))) {
      throw invalidField([FIELD, key], `becomes ${target}, which is there already`, "scope_collision");
    }
    rewritten.set(target, policy);
  }
  // fromEntries defines own properties, so no key can reach the prototype.
  return Object.fromEntries(rewritten);
}

function rewriteKey(key: string, fromEnv: string, toEnv: string): string {
  const [tenant, app, agent, env] = key.split(":");
  if (env !== fromEnv || env === WILDCARD || fromEnv === toEnv) return key;
  // A colon would make a fifth part, a wildcard would widen the policy to every environment.
  if (toEnv.includes(":") || toEnv === WILDCARD) {
    throw invalidField([FIELD, key], `cannot name the environment ${toEnv}`, "scope_key");
  }
  return [tenant, app, agent, toEnv].join(":");
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
