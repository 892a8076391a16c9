import { addSeconds, type Instant } from "../../core/clock.js";
import type { Environment } from "../../core/organization.js";
import type { PruneFilter, Reader } from "../../store/store.js";
import { FieldErrors } from "../../core/field-errors.js";

/** Which versions stay, beside the active one. */
export interface RetentionRules {
  /** In each environment the newest so many. */
  readonly keepNewest: number;
  /** What was published or active within so many days. */
  readonly keepDays: number;
  /** The same in production. */
  readonly keepProductionDays: number;
  /** The names of the production environments; empty: those that promote to nothing. */
  readonly production: readonly string[];
}

export const DEFAULT_RETENTION: RetentionRules = {
  keepNewest: 100,
  keepDays: 30,
  keepProductionDays: 365,
  production: [],
};

const DAY_SECONDS = 86_400;

/** Throws `invalid` for rules that keep less in production, and for a production environment that the project does not have. */
export function checkRetention(rules: RetentionRules, environments: readonly Environment[]): void {
  const errors = new FieldErrors();
  if (rules.keepProductionDays < rules.keepDays) {
    errors.add(["body", "keep_production_days"], "must not be less than keep_days", "range");
  }
  rules.production.forEach((name, index) => {
    if (environments.some((environment) => environment.name === name)) return;
    const msg = `the project has no environment "${name.slice(0, 64)}"`;
    errors.add(["body", "production", String(index)], msg, "unknown");
  });
  errors.throwIfAny();
}

/** A last stage, or one that the rules name. */
export function isProduction({ name, promotesTo }: Environment, { production }: RetentionRules): boolean {
  return production.length === 0 ? promotesTo === null : production.includes(name);
}

/** What may go by the rules, from the first version on; null when they keep everything. */
export async function prunableBy(
  reader: Reader,
  environment: Environment,
  rules: RetentionRules,
  now: Instant,
): Promise<PruneFilter | null> {
  // The newest one is at offset 0: the last one that is kept is at keepNewest - 1.
  const below = await reader.versionFromNewest(environment.id, rules.keepNewest - 1);
  if (below === null) return null;
  const days = isProduction(environment, rules) ? rules.keepProductionDays : rules.keepDays;
  const publishedBefore = addSeconds(now, -days * DAY_SECONDS);
  // The first activation since then, and by their order, not their times, all after it: the clock may have been set back meanwhile. What
  // was active before it was so until then.
  const first = await reader.firstActivationBetween(environment.id, publishedBefore, now);
  const fromSequence = Math.max((first ?? environment.sequence) - (first === null ? 0 : 1), 0);
  return { environmentId: environment.id, after: 0, below, publishedBefore, now, fromSequence };
}
