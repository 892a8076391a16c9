import type { Environment } from "../../../../gen/signet/v1/organization_pb.js";

/** Where an environment stands among the lanes, and where its content goes. */
export interface Place {
  readonly environment: Environment;
  /** The environment that it promotes to; undefined for a last one, and for one whose target the caller does not see. */
  readonly target: Environment | undefined;
  /** Whether the target is the next lane, so that an arrow between both says it. */
  readonly isTargetNext: boolean;
  /** How many environments promote to this one. */
  readonly sources: number;
}

/**
 * The environments in the order in which content goes through them: each before the one that it promotes to, and otherwise by
 * position. A way that goes in a circle is cut at its lowest position. Does not change the list.
 */
export function promotionOrder(environments: readonly Environment[]): readonly Place[] {
  const byName = new Map(environments.map((environment) => [environment.name, environment]));
  const waiting = environments.toSorted((a, b) => a.position - b.position || (a.name < b.name ? -1 : 1));
  const ordered: Environment[] = [];
  while (waiting.length > 0) {
    const last = ordered.at(-1);
    const isFree = ({ name }: Environment) =>
      !waiting.some((other) => other.promotesTo === name && other.name !== name);
    // The target of the last lane stands beside it as soon as nothing else has to come before.
    const beside = waiting.findIndex((next) => next.name === last?.promotesTo && isFree(next));
    const free = beside === -1 ? waiting.findIndex(isFree) : beside;
    ordered.push(...waiting.splice(Math.max(free, 0), 1));
  }
  return ordered.map((environment, index) => {
    const target = environment.promotesTo === undefined ? undefined : byName.get(environment.promotesTo);
    return {
      environment,
      target,
      isTargetNext: target !== undefined && ordered[index + 1] === target,
      sources: environments.filter(({ promotesTo }) => promotesTo === environment.name).length,
    };
  });
}
