import { invalidField, invalidFields, MAX_FIELD_ERRORS, type FieldError } from "../core/error.js";
import { scanStrictJson } from "./strict-json.js";

/** Policies by `tenant:app:agent:env`, where `*` matches any, each as JSON text. */
export type ScopePolicies = ReadonlyMap<string, string>;

const FIELD = "scope_policies";
/** The proto's max_items. */
const MAX_SCOPES = 100_000;
const WILDCARD = "*";

/**
 * Reads the scope policies of a publish: an object with at most 100,000 keys of exactly four parts, whose values are objects.
 *
 * @throws AppError as scanStrictJson, and `invalid` with the first hundred refused keys; `loc` is `["body", "scope_policies", key]`,
 *   `type` is `type` or `scope_key`, or `too_many` for the whole object.
 */
export function readScopePolicies(text: string): ScopePolicies {
  const { kind, spans } = scanStrictJson(text, { base: ["body", FIELD] });
  if (kind !== "object") throw invalidField([FIELD], "must be an object", "type");
  if (spans.size > MAX_SCOPES) throw invalidField([FIELD], `must be at most ${MAX_SCOPES}`, "too_many");
  const scopePolicies = new Map([...spans].map(([key, { start, end }]) => [key, text.slice(start, end)]));
  const fields: FieldError[] = [];
  for (const [key, policy] of scopePolicies) {
    const loc = ["body", FIELD, key];
    if (key.split(":", 5).length !== 4)
      fields.push({ loc, msg: "the key must be tenant:app:agent:env", type: "scope_key" });
    else if (!policy.startsWith("{")) fields.push({ loc, msg: "the policy must be an object", type: "type" });
    if (fields.length === MAX_FIELD_ERRORS) break;
  }
  if (fields.length > 0) throw invalidFields(fields);
  return scopePolicies;
}

/** The JSON text of scope policies, in their order. */
export function formatScopePolicies(scopePolicies: ScopePolicies): string {
  return `{${[...scopePolicies].map(([key, policy]) => `${JSON.stringify(key)}:${policy}`).join(",")}}`;
}

/** Whether any key names an environment, so that promotion out of it changes the scope policies. */
export function namesEnvironment(scopePolicies: ScopePolicies, environment: string): boolean {
  return [...scopePolicies.keys()].some((key) => environment !== WILDCARD && key.split(":")[3] === environment);
}

/**
 * The scope policies after promotion: the env part of keys that name the source names the target instead. The order of keys and
 * everything else stay the same.
 *
 * @throws AppError `invalid` when two keys become one (`type` is `scope_collision`, `loc` names the key before the rewrite), or
 *   when the target's name cannot be part of a key (`scope_key`).
 */
export function rewriteScopePolicies(scopePolicies: ScopePolicies, fromEnv: string, toEnv: string): ScopePolicies {
  const rewritten = new Map<string, string>();
  for (const [key, policy] of scopePolicies) {
    const target = rewriteKey(key, fromEnv, toEnv);
    // Also compares with later keys that are not rewritten: the order must not matter.
    if (rewritten.has(target) || (target !== key && scopePolicies.has(target))) {
      throw invalidField([FIELD, key], `becomes ${target}, which already exists`, "scope_collision");
    }
    rewritten.set(target, policy);
  }
  return rewritten;
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
