import { envelopeKeyId } from "../../bundle/envelope/dsse.js";
import { ROLES, type Role, type RoleRule, type Root } from "../../bundle/trust/root.js";
import { InputError } from "../shell/cli-error.js";
import { keyLabel, shortLabel, type NamedKey } from "./public-keys.js";

/** A root with a key that it may have already, by its own name or another one. Throws InputError when another key has the name. */
export function withKey(root: Root, { key, name }: NamedKey): { readonly root: Root; readonly keyid: string } {
  const keyid = envelopeKeyId(key);
  const holder = Object.keys(root.names).find((id) => root.names[id] === name && id !== keyid);
  if (name !== "" && holder !== undefined && root.keys.has(holder)) {
    throw new InputError(
      `"${name}" is the name of another key, ${holder.slice(0, 16)}: give this one another with --name`,
    );
  }
  const names = name === "" ? root.names : { ...root.names, [keyid]: name };
  return { root: { ...root, keys: new Map([...root.keys, [keyid, key]]), names }, keyid };
}

/** A root with another rule for a role: everywhere, or in one environment, where null takes its own rule away. */
export function withRule(root: Root, role: Role, environment: string | null, rule: RoleRule | null): Root {
  if (environment === null) {
    return rule === null ? root : { ...root, roles: { ...root.roles, [role]: rule } };
  }
  if (role === "root") throw new InputError("the rule for root is the same in all environments: leave --env out");
  const { [role]: _, ...others } = root.environments.get(environment) ?? {};
  const rules = rule === null ? others : { ...others, [role]: rule };
  const environments = new Map(root.environments);
  if (Object.keys(rules).length === 0) environments.delete(environment);
  else environments.set(environment, rules);
  return { ...root, environments };
}

/** A rule with one more key, which it may have already. */
export function plusKey(rule: RoleRule, keyid: string): RoleRule {
  return { ...rule, keyIds: [...new Set([...rule.keyIds, keyid])] };
}

/** A root in which a key signs nothing any more, or not those roles. Throws InputError when nothing changes. */
export function withoutKey(root: Root, keyid: string, roles: readonly Role[], environment: string | null): Root {
  const minus = (rule: RoleRule): RoleRule => ({ ...rule, keyIds: rule.keyIds.filter((id) => id !== keyid) });
  let changed = root;
  for (const role of roles) {
    if (environment === null) changed = withRule(changed, role, null, minus(changed.roles[role]));
    const places = environment === null ? [...root.environments.keys()] : [environment];
    for (const place of places) {
      const own = role === "root" ? undefined : changed.environments.get(place)?.[role];
      if (own?.keyIds.includes(keyid) === true) changed = withRule(changed, role, place, minus(own));
    }
  }
  if (mentions(changed, keyid) === mentions(root, keyid)) {
    throw new InputError(`${keyLabel(keyid, root)} does not sign ${roles.join(", ")} there: signet trust show`);
  }
  return changed;
}

/** A root without the keys that no rule names, and their names. */
export function pruned(root: Root): Root {
  const keys = new Map([...root.keys].filter(([id]) => mentions(root, id) > 0));
  const names = Object.fromEntries(Object.entries(root.names).filter(([id]) => keys.has(id)));
  return { ...root, keys, names };
}

/** Throws InputError for a rule that cannot be met, in terms of the command that mends it. */
export function requireUsable(root: Root): void {
  const rules = [
    ...ROLES.map((role) => [role, root.roles[role], ""] as const),
    ...[...root.environments].flatMap(([environment, own]) =>
      (["activation", "lease", "release"] as const).flatMap((role) => {
        const rule = own[role];
        return rule === undefined ? [] : [[role, rule, ` of ${environment}`] as const];
      }),
    ),
  ];
  for (const [role, { threshold, keyIds }, where] of rules) {
    if (threshold === 0 && role !== "release") throw new InputError(`${role}${where} needs at least 1 signature`);
    if (threshold <= keyIds.length) continue;
    const keys = keyIds.length === 0 ? "no key" : keyIds.map((id) => shortLabel(id, root)).join(", ");
    throw new InputError(
      `${role}${where} would need ${threshold} signatures, and ${keys} may give one: ` +
        "add a key before (signet trust add-key), or lower the threshold before (signet trust threshold)",
    );
  }
}

function mentions(root: Root, keyid: string): number {
  const all = [...Object.values(root.roles), ...[...root.environments.values()].flatMap((own) => Object.values(own))];
  return all.filter(({ keyIds }) => keyIds.includes(keyid)).length;
}
