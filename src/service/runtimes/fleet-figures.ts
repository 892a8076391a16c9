import { instantOf, type Clock, type Instant } from "../../core/clock.js";
import {
  OTHERS,
  type ActiveFigure,
  type FigurePlace,
  type FleetFigures,
  type InstanceFigure,
} from "../../core/fleet-figures.js";
import { inSteps } from "../../core/schedule/in-steps.js";
import { rolloutState } from "../../core/runtime-instance.js";
import type { KeyType } from "../../core/token.js";
import type { LiveCount, NamedEnvironment } from "../../store/fleet-store.js";
import type { Reader } from "../../store/store.js";

/** Environments that are told apart: each is several series of metrics. The first by id, so that they stay the same. */
export const FIGURED_ENVIRONMENTS = 500;
/** Versions of an environment that are told apart: those of the most instances. A fleet is on a few at a time. */
export const FIGURED_VERSIONS = 5;

/** Environments that are read in one turn of the event loop: about a millisecond. */
const STEP = 100;

/** Among so many of the next tokens to expire those of each kind are looked for. */
const EXPIRING_TOKENS = 1_000;

/** Sums up the live instances of one environment, or of the others together. */
class Sums {
  readonly #counts = new Map<string, InstanceFigure>();

  add(figure: InstanceFigure): void {
    const { organization, project, environment, state, version, count } = figure;
    const key = JSON.stringify([organization, project, environment, state, version]);
    this.#counts.set(key, { ...figure, count: count + (this.#counts.get(key)?.count ?? 0) });
  }

  get figures(): readonly InstanceFigure[] {
    return [...this.#counts.values()];
  }
}

/**
 * Reads the figures for metrics: live instances and what is active, of all organizations, and the next expiry of a token. Reads the
 * environments in steps, each in a turn of the event loop, and of the instances an index of the live ones: it costs nothing by how many
 * have ever been.
 */
export async function readFleetFigures(read: Reader, clock: Clock): Promise<FleetFigures> {
  const now = instantOf(clock.now());
  const sums = new Sums();
  const active: ActiveFigure[] = [];
  let figured = 0;
  let after = "";
  await inSteps(async () => {
    const environments = await read.namedEnvironments(after, STEP);
    const ids = environments.map(({ id }) => id);
    const withLive = await read.environmentsWithLive(ids, now);
    for (const environment of environments) {
      after = environment.id;
      const counts = withLive.has(environment.id) ? await read.liveCounts(environment.id, now) : [];
      // One without instances in which nothing is active has no figure.
      if (environment.active === null && counts.length === 0) continue;
      figured += 1;
      const isOther = figured > FIGURED_ENVIRONMENTS;
      const place = isOther ? OTHER_PLACE : placeOf(environment);
      if (!isOther && environment.active !== null) {
        active.push({ ...place, sequence: environment.active.sequence, since: environment.active.at });
      }
      const shown = isOther ? new Set<number | null>() : mostUsed(counts);
      for (const count of counts) sums.add(figureOf(place, count, environment, shown));
    }
    return environments.length === STEP;
  });
  return { instances: sums.figures, active, tokenExpiry: await readTokenExpiry(read, now) };
}

const OTHER_PLACE: FigurePlace = { organization: OTHERS, project: OTHERS, environment: OTHERS };

function placeOf({ organization, project, name }: NamedEnvironment): FigurePlace {
  return { organization, project, environment: name };
}

function figureOf(
  place: FigurePlace,
  { count, ...reported }: LiveCount,
  { active }: NamedEnvironment,
  shown: ReadonlySet<number | null>,
): InstanceFigure {
  const { appliedVersion } = reported;
  const version = appliedVersion === null ? "none" : shown.has(appliedVersion) ? String(appliedVersion) : OTHERS;
  return { ...place, state: rolloutState(reported, active?.sequence ?? null), version, count };
}

/** The versions of the most instances. */
function mostUsed(counts: readonly LiveCount[]): ReadonlySet<number | null> {
  const totals = new Map<number, number>();
  for (const { appliedVersion, count } of counts) {
    if (appliedVersion !== null) totals.set(appliedVersion, count + (totals.get(appliedVersion) ?? 0));
  }
  const most = [...totals].toSorted(([, a], [, b]) => b - a).slice(0, FIGURED_VERSIONS);
  return new Set(most.map(([version]) => version));
}

async function readTokenExpiry(read: Reader, now: Instant): Promise<ReadonlyMap<KeyType, Instant>> {
  const soonest = new Map<KeyType, Instant>();
  for (const { keyType, expiresAt } of await read.expiringTokens(now, EXPIRING_TOKENS)) {
    if (expiresAt !== null && !soonest.has(keyType)) soonest.set(keyType, expiresAt);
  }
  return soonest;
}
