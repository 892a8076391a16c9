import type { Documents } from "../../service/documents/documents.js";
import { OpaArchives } from "../../service/opa/opa-archives.js";
import { OpaDecisions, type DecisionSink } from "../../service/opa/opa-decisions.js";
import { OpaStatuses } from "../../service/opa/opa-statuses.js";
import type { ServiceContext } from "./context.js";
import type { RuntimeServices } from "./runtimes.js";

/** What OPAs get and tell. */
export interface OpaServices {
  readonly opaArchives: OpaArchives;
  readonly opaStatuses: OpaStatuses;
  readonly opaDecisions: OpaDecisions;
}

/** Composes archives, statuses and decision logs of OPA. `decisions` null only counts decisions. */
export function composeOpa(
  { store, clock, signingKeys, observers }: ServiceContext,
  { instances }: Pick<RuntimeServices, "instances">,
  { documents, decisions }: { readonly documents: Documents; readonly decisions: DecisionSink | null },
): OpaServices {
  return {
    opaArchives: new OpaArchives({ documents, signer: signingKeys.opa }),
    opaStatuses: new OpaStatuses({ documents, instances, store, clock }),
    opaDecisions: new OpaDecisions(documents, observers.decisions, decisions),
  };
}
