import { LRUCache } from "lru-cache";
import type { Deployment } from "../../core/bundle.js";
import { SingleFlight } from "../../core/schedule/single-flight.js";
import type { Documents } from "../documents/documents.js";
import type { PoliciesOfDocument } from "../documents/kept-document.js";
import type { ActiveBundle } from "./active-bundles.js";

/** For all environments; what was not asked for longest is made again when it is. The largest document fits. */
const MAX_CACHED_BYTES = 160 * 1024 * 1024;

/** The text, and what the wire keeps with it: the answer to polls, and a frame for each form of a watch. */
const BYTES_PER_CHARACTER = 6;

/** The activation, the key and the cache's own. */
const ENTRY_BYTES = 1024;

/** The policies of an activation by themselves. The same object for everybody as long as it is kept. */
export interface ActivePolicies extends PoliciesOfDocument {
  readonly deployment: Deployment;
}

/**
 * The policies of active bundles, for readers that know nothing of bundles. Made once an activation, when somebody asks for it: most runtimes
 * read the document.
 */
export class ActivePolicyTexts {
  readonly #kept = new LRUCache<string, ActivePolicies>({
    maxSize: MAX_CACHED_BYTES,
    sizeCalculation: ({ text }) => text.length * BYTES_PER_CHARACTER + ENTRY_BYTES,
  });
  readonly #flights = new SingleFlight<string, ActivePolicies>();

  constructor(private readonly documents: Pick<Documents, "policies">) {}

  /** What is in memory. */
  peek({ deployment }: ActiveBundle): ActivePolicies | undefined {
    return this.#kept.get(deployment.id);
  }

  /** The policies. Throws as Documents do for large ones: `unavailable` when too many wait. */
  async of(active: ActiveBundle): Promise<ActivePolicies> {
    const { deployment, document } = active;
    return (
      this.peek(active) ??
      (await this.#flights.run(deployment.id, async () => {
        // On behalf of all runtimes of the environment.
        const policies = await this.documents.policies({ orgId: deployment.orgId, tokenId: 0 }, document);
        const made = { ...policies, deployment };
        this.#kept.set(deployment.id, made);
        return made;
      }))
    );
  }
}
