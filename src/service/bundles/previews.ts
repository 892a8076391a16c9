import type { Bundle, BundleChange, Content, PublishedBundle, VersionQuota } from "../../core/bundle.js";
import type { Difference } from "../../core/difference.js";
import { AppError, notFound } from "../../core/error.js";
import type { Environment } from "../../core/organization.js";
import type { Reader, Store } from "../../store/store.js";
import { ownerOf, type ChangeRequest } from "../access/caller.js";
import type { Documents } from "../documents/documents.js";
import type { NamedContent } from "../trust/release-rules.js";
import { checkNotHeld, checkQuota, checkSequence } from "./activation.js";
import { draftedBundle, type BundleDraft } from "./bundle-writer.js";

/** What a new version makes of its environment, as the environment was seen when its content was made. */
export interface Replacement {
  readonly environment: Environment;
  /** Null when nothing is active. */
  readonly active: Bundle | null;
  readonly isUnchanged: boolean;
}

/** Says what a publication or a promotion changes, or would change, in its environment. */
export class Previews {
  constructor(private readonly deps: { readonly store: Pick<Store, "read">; readonly documents: Documents }) {}

  /** Null when the active bundle changed between two reads. */
  async replacement(environment: Environment, content: NamedContent): Promise<Replacement | null> {
    const { activeBundleId } = environment;
    const active = activeBundleId === null ? null : await this.deps.store.read.bundleById(activeBundleId);
    if (active === null && activeBundleId !== null) return null;
    return { environment, active, isUnchanged: isSame(active, content) };
  }

  /**
   * The answer of a dry run: the bundle as it would be made. Throws what making it would: `precondition_failed`, `quota_exceeded` and, if
   * it would be activated, `conflict` (`held`), in this order. Without `isCompared` the answer has no difference.
   */
  async dryRun(
    caller: ChangeRequest,
    { environment, active, isUnchanged }: Replacement,
    draft: BundleDraft,
    activate: boolean,
    isCompared = true,
  ): Promise<PublishedBundle> {
    const { read } = this.deps.store;
    checkSequence(environment, caller.ifSequence);
    await checkQuota(read, environment);
    const bundle = draftedBundle(environment, draft);
    if (activate) checkNotHeld(environment);
    const state = { bundle, isActive: false, deploymentId: null, sequence: null };
    const compare = async () =>
      isCompared ? await this.#difference(caller, active, () => draft.content.content) : null;
    const difference = isUnchanged ? NO_DIFFERENCE : await compare();
    const quota = await this.#quota(environment);
    return { ...state, change: { dryRun: true, isUnchanged, isSkipped: false, difference, quota } };
  }

  /** What the activation of a kept version would change. Throws `not_found` if it is deleted meanwhile. */
  async activation(caller: ChangeRequest, { activeBundleId }: Environment, bundle: Bundle): Promise<BundleChange> {
    const { read } = this.deps.store;
    const active = activeBundleId === null ? null : await read.bundleById(activeBundleId);
    const isUnchanged = isSame(active, bundle);
    const change = { dryRun: true, isUnchanged, isSkipped: false, quota: null };
    if (isUnchanged) return { ...change, difference: NO_DIFFERENCE };
    const after = async () => {
      const content = await read.content(bundle.contentId);
      // Deleted between the two reads.
      if (content === null) throw notFound("bundle");
      return content;
    };
    return { ...change, difference: await this.#difference(caller, active, after) };
  }

  /**
   * The answer instead of a new version with the content that is active: the active bundle. Null if another one became active since.
   * Throws `precondition_failed`.
   */
  async skip(
    reader: Reader,
    caller: ChangeRequest,
    environment: Environment,
    seen: Replacement,
  ): Promise<PublishedBundle | null> {
    if (environment.activeBundleId !== seen.active?.id || environment.activeVersion === null) return null;
    checkSequence(environment, caller.ifSequence);
    const state = await reader.bundle(environment.id, environment.activeVersion);
    if (state === null) return null;
    const { dryRun } = caller;
    const preview = dryRun ? { difference: NO_DIFFERENCE, quota: await this.#quota(environment) } : NO_PREVIEW;
    return { ...state, change: { dryRun, isUnchanged: true, isSkipped: true, ...preview } };
  }

  /** Null for one that takes too long: what a dry run is for does not depend on it. */
  async #difference(
    caller: ChangeRequest,
    active: Bundle | null,
    after: () => Content | Promise<Content>,
  ): Promise<Difference | null> {
    const { store, documents } = this.deps;
    try {
      return await documents.compare(ownerOf(caller), async () => ({
        before: active === null ? null : await store.read.content(active.contentId),
        after: await after(),
      }));
    } catch (thrown) {
      if (thrown instanceof AppError && thrown.code === "too_large") return null;
      throw thrown;
    }
  }

  async #quota({ id, orgId }: Environment): Promise<VersionQuota> {
    const { read } = this.deps.store;
    const organization = await read.organization(orgId);
    return { kept: await read.countBundles(id), limit: organization?.versionsPerEnvironment ?? null };
  }
}

const NO_DIFFERENCE: Difference = { changes: [], total: 0, isTruncated: false };
const NO_PREVIEW = { difference: null, quota: null };

/** What a version that was made changed. */
export function madeChange(isUnchanged: boolean): BundleChange {
  return { dryRun: false, isUnchanged, isSkipped: false, ...NO_PREVIEW };
}

/** Whether a version that was made has the content of what was active when it was made. */
export async function isUnchangedIn(
  reader: Reader,
  { activeBundleId }: Environment,
  seen: Replacement,
  content: NamedContent,
): Promise<boolean> {
  if (activeBundleId === (seen.active?.id ?? null)) return seen.isUnchanged;
  const active = activeBundleId === null ? null : await reader.bundleById(activeBundleId);
  return isSame(active, content);
}

/** The same text as another kind of policies is another content. */
function isSame(active: Bundle | null, { policyHash, mediaType }: NamedContent): boolean {
  return active?.policyHash === policyHash && active.mediaType === mediaType;
}
