import { addSeconds, type Instant } from "../../core/clock.js";
import type { Environment } from "../../core/organization.js";
import type { PruneFilter, Reader } from "../../store/store.js";
import { FieldErrors } from "../../core/field-errors.js";

/** Which versions to keep besides the active one. */
export interface RetentionRules {
  /** This many of the newest in each environment. */
  readonly keepNewest: number;
  /** Versions published or active within this many days. */
  readonly keepDays: number;
  /** The same for production environments. */
  readonly keepProductionDays: number;
  /** The names of the production environments; empty: those without a next stage. */
  readonly production: readonly string[];
}

/** The rules of a request that sets none. */
export const DEFAULT_RETENTION: RetentionRules = {
  keepNewest: 100,
  keepDays: 30,
  keepProductionDays: 365,
  production: [],
};

const DAY_SECONDS = 86_400;

/** Throws `invalid` for rules that keep less in production, and for unknown production environments. */
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

/** Whether an environment counts as production: named by the rules, or by default without a next stage. */
export function isProduction({ name, promotesTo }: Environment, { production }: RetentionRules): boolean {
  return production.length === 0 ? promotesTo === null : production.includes(name);
}

/** The filter of versions that the rules do not keep, from the first version on; null if they keep everything. */
export async function prunableBy(
  reader: Reader,
  environment: Environment,
  rules: RetentionRules,
  now: Instant,
): Promise<PruneFilter | null> {
  // The newest version has offset 0, the last one to keep has keepNewest - 1.
  const below = await reader.versionFromNewest(environment.id, rules.keepNewest - 1);
  if (below === null) return null;
  const days = isProduction(environment, rules) ? rules.keepProductionDays : rules.keepDays;
  const publishedBefore = addSeconds(now, -days * DAY_SECONDS);
  // The first activation since then, and by sequence all later ones: the clock may have been set back meanwhile. The version before it
  // was active until then, so it counts too.
  const first = await reader.firstActivationBetween(environment.id, publishedBefore, now);
  const fromSequence = Math.max((first ?? environment.sequence) - (first === null ? 0 : 1), 0);
  return { environmentId: environment.id, after: 0, below, publishedBefore, now, fromSequence };
}
