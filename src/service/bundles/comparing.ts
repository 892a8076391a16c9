import type { Bundle } from "../../core/bundle.js";
import type { Difference } from "../../core/difference.js";
import { AppError, notFound } from "../../core/error.js";
import type { Environment } from "../../core/organization.js";
import type { Principal } from "../../core/token.js";
import type { Reader, Store } from "../../store/store.js";
import { visibleEnvironment } from "../access/access.js";
import type { Documents } from "../documents/documents.js";

/** An environment by name, and one of its versions; null is the active one. */
export interface ComparedVersion {
  readonly envName: string;
  readonly version: number | null;
}

/** One side of a comparison. */
export interface ComparedSide {
  readonly environment: string;
  readonly bundle: Bundle;
  readonly isActive: boolean;
}

/** Two versions and what differs between them. */
export interface ComparedBundles extends Difference {
  /** Null when nothing is active in the target of a promotion. */
  readonly before: ComparedSide | null;
  readonly after: ComparedSide;
}

/** Compares versions of one project's environments. */
export class Comparing {
  constructor(private readonly deps: { readonly store: Pick<Store, "read">; readonly documents: Documents }) {}

  /**
   * In one environment: what changes from version `from` to version `to`. Between two: what promoting `from` to the environment of `to`
   * would change there, so that `to` is before and `from`, with its scope policies rewritten, is after.
   *
   * Throws `not_found`, `invalid` if the scope policies cannot be promoted there, and `too_large` if it takes too long.
   */
  async compare(
    caller: Principal,
    projectId: string,
    { from, to }: { readonly from: ComparedVersion; readonly to: ComparedVersion },
    signal: AbortSignal,
  ): Promise<ComparedBundles> {
    const { store, documents } = this.deps;
    const { read } = store;
    const source = await visibleEnvironment(read, caller, { projectId, envName: from.envName });
    const target = await visibleEnvironment(read, caller, { projectId, envName: to.envName });
    const isPromotion = source.id !== target.id;
    const first = await requireSide(read, source, from.version);
    const isEmpty = isPromotion && to.version === null && target.activeVersion === null;
    const second = isEmpty ? null : await requireSide(read, target, to.version);
    const [before, after] = isPromotion || second === null ? [second, first] : [first, second];
    const difference = await documents.compare({ ...caller, signal }, async () => ({
      before: before === null ? null : await requireContent(read, before.bundle),
      after: await requireContent(read, after.bundle),
      ...(isPromotion ? { promotion: { from: source.name, to: target.name } } : {}),
    }));
    return { before, after, ...difference };
  }
}

async function requireSide(reader: Reader, environment: Environment, version: number | null): Promise<ComparedSide> {
  const wanted = version ?? environment.activeVersion;
  if (wanted === null) throw new AppError("not_found", `nothing is active in "${environment.name}"`);
  const state = await reader.bundle(environment.id, wanted);
  if (state === null) throw new AppError("not_found", `version ${wanted} not found in "${environment.name}"`);
  return { environment: environment.name, bundle: state.bundle, isActive: state.isActive };
}

async function requireContent(reader: Reader, { contentId }: Bundle) {
  const content = await reader.content(contentId);
  // Deleted between the two reads.
  if (content === null) throw notFound("bundle");
  return content;
}
