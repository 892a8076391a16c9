import type { Deployment } from "../../../../gen/signet/v1/bundle_pb.js";
import type { GetRolloutResponse } from "../../../../gen/signet/v1/runtime_pb.js";

const KINDS: Readonly<Record<string, string>> = {
  publish: "Published",
  activate: "Activated",
  promote: "Promoted",
  rollback: "Rolled back",
  import: "Imported",
};

/** How a bundle became active: `Promoted from staging v3`. */
export function kindWords({ kind, sourceEnvironment, sourceVersion }: Deployment): string {
  const word = KINDS[kind] ?? kind;
  return sourceEnvironment === undefined ? word : `${word} from ${sourceEnvironment} v${sourceVersion ?? "?"}`;
}

/** An activation in a sentence, for screen readers. */
export function activationWords(environment: string, deployment: Deployment | undefined): string {
  if (deployment === undefined) return `${environment} has changed.`;
  return `${environment} is now at version ${deployment.version}: ${kindWords(deployment).toLowerCase()}.`;
}

/** How far a rollout is: `Applied by 3 of 5 live runtimes`. */
export function rolloutWords({ live, applied }: Pick<GetRolloutResponse, "live" | "applied">): string {
  if (live === 0) return "No live runtime";
  const runtimes = live === 1 ? "runtime" : "runtimes";
  if (applied < live) return `Applied by ${applied} of ${live} live ${runtimes}`;
  return live === 1 ? "Applied by the one live runtime" : `Applied by all ${live} live runtimes`;
}

/** The same where the lane says already which runtimes: `Applied by 3 of 5`. */
export function shortRolloutWords({ live, applied }: Pick<GetRolloutResponse, "live" | "applied">): string {
  if (live === 1 && applied === 1) return "Applied by the one live";
  return applied === live ? `Applied by all ${live} live` : `Applied by ${applied} of ${live} live`;
}
