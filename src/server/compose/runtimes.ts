import type { Documents } from "../../service/documents/documents.js";
import { ActiveBundles } from "../../service/runtimes/active-bundles.js";
import { ActiveContents } from "../../service/runtimes/active-contents.js";
import { ActivePolicyTexts } from "../../service/runtimes/active-policies.js";
import { DeploymentAttestations } from "../../service/runtimes/deployment-attestations.js";
import { Fleet } from "../../service/runtimes/fleet.js";
import { Instances } from "../../service/runtimes/instances.js";
import { LatestBundles } from "../../service/runtimes/latest.js";
import { Push } from "../../service/runtimes/push.js";
import { Rollouts } from "../../service/runtimes/rollouts.js";
import { RootUpdates } from "../../service/runtimes/root-updates.js";
import { Telemetry } from "../../service/runtimes/telemetry.js";
import type { BundleServices } from "./bundles.js";
import type { ChangeServices } from "./changes.js";
import type { ServiceContext } from "./context.js";
import type { NodeServices } from "./nodes.js";
import type { ProofServices } from "./proofs.js";
import type { RootServices } from "./roots.js";
import type { TokenServices } from "./tokens.js";

/** What runtimes get, and what they report. */
export interface RuntimeServices {
  readonly active: ActiveBundles;
  readonly contents: ActiveContents;
  readonly policies: ActivePolicyTexts;
  readonly deploymentAttestations: DeploymentAttestations;
  readonly instances: Instances;
  readonly fleet: Fleet;
  readonly rollouts: Rollouts;
  readonly latest: LatestBundles;
  readonly push: Push;
  readonly telemetry: Telemetry;
}

/** Composes watches, polls, reports and telemetry. Heartbeats come every `heartbeatMs`. */
export function composeRuntimes(
  { store, clock, feed, observers, warnings }: ServiceContext,
  {
    verifier,
    authentication,
    sessions,
    freshness,
    wakeups,
    nodes,
    bundles,
    attestations,
    proofs,
    logProofs,
    rootDocuments,
  }: BundleServices & TokenServices & ChangeServices & NodeServices & ProofServices & RootServices,
  { documents, heartbeatMs }: { readonly documents: Documents; readonly heartbeatMs: number },
): RuntimeServices {
  const active = new ActiveBundles(store, wakeups, verifier, warnings, feed?.marks ?? null);
  const instances = new Instances({ store, clock, nodes });
  return {
    ...{ active, instances },
    contents: new ActiveContents(documents),
    policies: new ActivePolicyTexts(documents),
    deploymentAttestations: new DeploymentAttestations({ store, bundles, attestations, proofs, logProofs }),
    fleet: new Fleet({ store, clock, instances, nodes }),
    rollouts: new Rollouts({ store, clock, instances, nodes }),
    latest: new LatestBundles({ active, authentication, sessions, wakeups, instances, rootDocuments }),
    push: new Push({
      active,
      proofs,
      roots: new RootUpdates(store.read, wakeups),
      authentication,
      sessions,
      wakeups,
      instances,
      freshness,
      heartbeatMs,
      observer: observers.watch,
    }),
    telemetry: new Telemetry(documents),
  };
}
