import { ROLES, type Role, type RoleRule, type Root } from "../../bundle/trust/root.js";
import { timeMs } from "../../bundle/trust/trust-time.js";
import { printable } from "../../core/printable.js";
import { keyLabel, shortLabel } from "./public-keys.js";

/** A rule of a root: of a role, everywhere or in one environment. */
export interface PlacedRule {
  readonly role: Role;
  /** Null: where no environment has a rule of its own. */
  readonly environment: string | null;
  readonly rule: RoleRule;
}

/** All rules of a root, those of all environments first. */
export function rulesOf(root: Root): readonly PlacedRule[] {
  const everywhere = ROLES.map((role) => ({ role, environment: null, rule: root.roles[role] }));
  const own = [...root.environments].flatMap(([environment, rules]) =>
    ROLES.flatMap((role) => {
      const rule = role === "root" ? undefined : rules[role];
      return rule === undefined ? [] : [{ role, environment, rule }];
    }),
  );
  return [...everywhere, ...own];
}

/** `2 of alice, bob`; `none needed` for threshold 0. */
export function ruleInWords({ threshold, keyIds }: RoleRule, root: Root): string {
  const keys = keyIds.map((id) => shortLabel(id, root)).join(", ");
  if (threshold === 0) return keys === "" ? "none needed" : `none needed (listed: ${keys})`;
  return `${threshold} of ${keys}`;
}

/** A time for a person, with the days until then: `2027-11-28 19:00:00Z (in 365 days)`. */
export function expiryInWords(time: string, now = Date.now()): string {
  const days = Math.floor((timeMs(time) - now) / 86_400_000);
  const distance = timeMs(time) <= now ? "EXPIRED" : days === 1 ? "in 1 day" : `in ${days} days`;
  return `${time.replace("T", " ")} (${distance})`;
}

/** What a root changes, a sentence for each change; of the first one, what it says. All texts are printable. */
export function changesIn(before: Root | null, after: Root): readonly string[] {
  if (before === null) return contentsOf(after);
  const changes: string[] = [];
  if (before.orgId !== after.orgId) changes.push(`ORGANIZATION becomes ${printable(after.orgId)}`);
  if (before.projectId !== after.projectId) changes.push(`PROJECT becomes ${printable(after.projectId)}`);
  const [old, next] = [placed(before), placed(after)];
  for (const [place, rule] of next) changes.push(...ruleChanges(place, old.get(place), rule, before, after));
  for (const place of old.keys()) if (!next.has(place)) changes.push(`${place} follows the rule for all environments`);
  for (const id of after.keys.keys()) {
    const names = [before, after].map((root) => (root.keys.has(id) ? shortLabel(id, root) : null));
    if (names[0] !== null && names[0] !== names[1]) changes.push(`key ${names[0]} is called ${keyLabel(id, after)}`);
  }
  if (before.rollback !== after.rollback) changes.push(rollbackInWords(after));
  const revoked = after.revoked.filter((digest) => !before.revoked.includes(digest));
  changes.push(...revoked.map((digest) => `revokes ${digest}`));
  const restored = before.revoked.filter((digest) => !after.revoked.includes(digest));
  changes.push(...restored.map((digest) => `NO LONGER REVOKES ${digest}`));
  if (before.expiresAt !== after.expiresAt) {
    changes.push(`expires ${expiryInWords(after.expiresAt)}, instead of ${before.expiresAt.replace("T", " ")}`);
  }
  return changes;
}

function contentsOf(root: Root): readonly string[] {
  return [
    ...rulesOf(root).map(({ role, environment, rule }) => `${placeOf(role, environment)}: ${ruleInWords(rule, root)}`),
    rollbackInWords(root),
    ...root.revoked.map((digest) => `revokes ${digest}`),
    `expires ${expiryInWords(root.expiresAt)}`,
  ];
}

function ruleChanges(place: string, old: RoleRule | undefined, rule: RoleRule, before: Root, after: Root) {
  if (old === undefined) return [`${place} has a rule of its own: ${ruleInWords(rule, after)}`];
  const added = rule.keyIds.filter((id) => !old.keyIds.includes(id));
  const removed = old.keyIds.filter((id) => !rule.keyIds.includes(id));
  const changes = added.map((id) => `${keyLabel(id, after)} may sign ${place}`);
  changes.push(...removed.map((id) => `${keyLabel(id, before)} may NO LONGER sign ${place}`));
  if (old.threshold !== rule.threshold) {
    changes.push(`${place} needs ${count(rule.threshold)}, instead of ${old.threshold}`);
  }
  return changes;
}

function placed(root: Root): ReadonlyMap<string, RoleRule> {
  return new Map(rulesOf(root).map(({ role, environment, rule }) => [placeOf(role, environment), rule]));
}

function placeOf(role: Role, environment: string | null): string {
  return environment === null ? role : `${role} of ${environment}`;
}

function rollbackInWords({ rollback }: Root): string {
  return rollback === "server"
    ? "rollback: the server may go back to any released content"
    : "rollback: only by a new release of the authors";
}

function count(threshold: number): string {
  return threshold === 1 ? "1 signature" : `${threshold} signatures`;
}
