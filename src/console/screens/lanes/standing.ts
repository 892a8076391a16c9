import type { Deployment } from "../../../../gen/signet/v1/bundle_pb.js";
import type { Environment } from "../../../../gen/signet/v1/organization_pb.js";
import { counted } from "../../elements/counted.js";

/** What is known of one environment: what is active, and the newest activations, the newest first. */
export interface Known {
  readonly environment: Environment;
  readonly history: readonly Deployment[];
}

/** How the active content of an environment stands to that of the environment that it promotes to. */
export type Standing =
  | { readonly kind: "empty" }
  | { readonly kind: "first" }
  | { readonly kind: "same" }
  /** So many versions were made in the source since the one that the target got. */
  | { readonly kind: "ahead"; readonly versions: number }
  /** The source went back below the version that the target got. */
  | { readonly kind: "back"; readonly versions: number }
  /** Different content that did not come from there, or so long ago that the newest activations do not tell. */
  | { readonly kind: "different" };

/** The activation that made an environment what it is; undefined while nothing is active, or before it was loaded. */
export function activeDeployment({ environment, history }: Known): Deployment | undefined {
  if (environment.activeVersion === undefined) return undefined;
  return history.find(({ sequence }) => sequence === environment.sequence);
}

/**
 * Compares what is active in `source` with what is active in `target`, which it promotes to. Equal hashes are the same content. A
 * promotion may rewrite scope policies, so hashes differ then; what came from the active version of the source is the same too.
 */
export function standing(source: Known, target: Known): Standing {
  const { activeVersion } = source.environment;
  if (activeVersion === undefined) return { kind: "empty" };
  if (target.environment.activeVersion === undefined) return { kind: "first" };
  const from = activeDeployment(source);
  const there = activeDeployment(target);
  if (from !== undefined && from.policyHash === there?.policyHash) return { kind: "same" };
  const origin = promotedVersion(source, target);
  if (origin === undefined) return { kind: "different" };
  if (origin === activeVersion) return { kind: "same" };
  return activeVersion > origin
    ? { kind: "ahead", versions: activeVersion - origin }
    : { kind: "back", versions: origin - activeVersion };
}

/** The standing in words: "staging is 2 versions ahead of prod". */
export function standingWords(at: Standing, source: string, target: string): string {
  switch (at.kind) {
    case "empty":
      return `nothing is active in ${source}`;
    case "first":
      return `nothing is active in ${target} yet`;
    case "same":
      return `${target} has the content of ${source}`;
    case "ahead":
      return `${source} is ${counted(at.versions, "version")} ahead of ${target}`;
    case "back":
      return `${source} went back ${counted(at.versions, "version")} below what ${target} has`;
    case "different":
      return `${source} and ${target} differ`;
  }
}

/** The standing in two words, for a narrow place: "2 ahead". */
export function standingLabel(at: Standing): string {
  switch (at.kind) {
    case "empty":
      return "nothing active";
    case "first":
      return "not yet";
    case "same":
      return "same content";
    case "ahead":
      return `${at.versions} ahead`;
    case "back":
      return `${at.versions} back`;
    case "different":
      return "differs";
  }
}

/** The version of the source that the target's active version was made from, also when that version was activated again later. */
function promotedVersion(source: Known, target: Known): number | undefined {
  const { activeVersion, name } = { ...target.environment, name: source.environment.name };
  const made = target.history.find(({ version, kind }) => version === activeVersion && kind === "promote");
  return made?.sourceEnvironment === name ? made.sourceVersion : undefined;
}
