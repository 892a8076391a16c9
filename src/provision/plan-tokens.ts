import { chosenKeyPrefix } from "../core/token.js";
import type { DeclaredToken } from "./declaration.js";
import type { Step } from "./step.js";
import type { ActualContents, ActualToken } from "./provision-target.js";

/** The part of a plan that is about the tokens of one organization. */
export interface TokenPlan {
  readonly steps: readonly Step[];
  /** Why the declaration cannot be met. */
  readonly reasons: readonly string[];
  /** Revocations of live tokens that are not declared, without the one in use. */
  readonly undeclared: readonly Step[];
}

/**
 * Compares by kind, project, environment and name; the prefix tells whether the key is the declared one, since the API
 * shows no hash. Its 32 bits tell two keys apart, and authenticate nobody.
 */
export function planTokens(org: string, declared: readonly DeclaredToken[], actual: ActualContents): TokenPlan {
  const plan = { steps: [] as Step[], reasons: [] as string[], undeclared: [] as Step[] };
  const kept = new Set<ActualToken>();
  for (const token of declared) {
    const same = actual.tokens.filter((candidate) => isSame(token, candidate, actual));
    const keyPrefix = chosenKeyPrefix(token.sha256);
    const withKey = same.filter((candidate) => candidate.keyPrefix === keyPrefix);
    const live = same.filter(({ isLive }) => isLive);
    const there = withKey.find(({ isLive }) => isLive) ?? live[0];
    const about = `${org}: the ${token.type} token "${token.name}"`;
    if (withKey.length > 0 && !withKey.some(({ isLive }) => isLive)) {
      plan.reasons.push(`${about} was revoked or has expired: a key is never used again, declare a new one`);
    } else if (there === undefined) {
      plan.steps.push({ org, do: "token.create", declared: token });
    } else if (!sameNames(token.environments, there.environments)) {
      plan.reasons.push(`${about} is for other environments, which cannot be changed: use another name and key`);
    } else if (token.audit !== there.audit) {
      plan.reasons.push(
        `${about} ${there.audit ? "reads" : "does not read"} the audit, which cannot be changed: use another name and key`,
      );
    } else if (there.keyPrefix !== keyPrefix && live.length > 1) {
      plan.reasons.push(`${about} is there more than once: revoke those that are not needed`);
    } else if (there.keyPrefix !== keyPrefix) {
      plan.steps.push({ org, do: "token.rotate", declared: token, id: there.id });
    }
    if (there !== undefined) kept.add(there);
  }
  for (const token of actual.tokens) {
    if (!token.isLive || token.isInUse || kept.has(token)) continue;
    plan.undeclared.push({ org, do: "token.revoke", id: token.id, keyPrefix: token.keyPrefix });
  }
  return plan;
}

function isSame(declared: DeclaredToken, token: ActualToken, { projects }: ActualContents): boolean {
  if (declared.type !== token.type || declared.name !== token.name) return false;
  const project = projects.find(({ id }) => id === token.projectId);
  const environment = project?.environments.find(({ id }) => id === token.environmentId);
  return declared.project === project?.name && declared.environment === environment?.name;
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}
