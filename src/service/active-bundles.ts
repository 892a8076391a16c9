import { LRUCache } from "lru-cache";
import type { Bundle, Deployment } from "../core/bundle.js";
import { notFound } from "../core/error.js";
import type { Environment } from "../core/organization.js";
import type { Store } from "../store/store.js";
import { documentOf } from "./bundles.js";

/** What is active in an environment, and the document that is served for it. */
export interface ActiveBundle {
  readonly deployment: Deployment;
  readonly document: string;
}

export interface EnvironmentState {
  readonly environment: Environment;
  /** Null while nothing was ever active. */
  readonly active: ActiveBundle | null;
}

const MAX_CACHED_CHARACTERS = 64 * 1024 * 1024;

/** Reads what is active. Documents never change, so they are cached by bundle and can never be stale. */
export class ActiveBundles {
  readonly #documents = new LRUCache<string, string>({
    maxSize: MAX_CACHED_CHARACTERS,
    sizeCalculation: (document) => document.length + 1,
  });

  constructor(private readonly store: Store) {}

  /** The newest state of an environment. Throws `not_found` when it was deleted. */
  async read(environmentId: string): Promise<EnvironmentState> {
    for (;;) {
      const environment = await this.store.read.environmentById(environmentId);
      if (environment === null) throw notFound("environment");
      if (environment.activeDeploymentId === null || environment.activeBundleId === null) {
        return { environment, active: null };
      }
      const deployment = await this.store.read.deployment(environment.orgId, environment.activeDeploymentId);
      const document = await this.#document(environment.activeBundleId);
      if (deployment !== null && document !== null) return { environment, active: { deployment, document } };
      // Something newer became active and this one was deleted between two reads: what is newest now is there.
    }
  }

  async #document(bundleId: string): Promise<string | null> {
    const cached = this.#documents.get(bundleId);
    if (cached !== undefined) return cached;
    const bundle: Bundle | null = await this.store.read.bundleById(bundleId);
    const content = bundle === null ? null : await this.store.read.content(bundle.contentId);
    if (bundle === null || content === null) return null;
    const document = documentOf(bundle, content);
    this.#documents.set(bundleId, document);
    return document;
  }
}
