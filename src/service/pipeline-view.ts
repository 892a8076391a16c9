import { AppError } from "../core/error.js";
import type { Pipeline, PipelineApp, PipelineStage } from "../core/pipeline.js";
import type { Reader } from "../store/store.js";
import type { DocumentOwner } from "./document-workers.js";
import type { Documents } from "./documents.js";
import type { SeenPipeline } from "./pipeline-access.js";

/** A pipeline with where every bundle is. */
export interface PipelineView {
  readonly pipeline: Pipeline;
  /** By order. */
  readonly stages: readonly StageView[];
}

export interface StageView {
  readonly stage: PipelineStage;
  readonly apps: readonly AppView[];
}

export interface AppView {
  readonly app: PipelineApp;
  /** Null when there is nothing to compare it with. */
  readonly equalsPrevious: boolean | null;
}

/**
 * Says of each app whether what is active there is what a promotion from the stage before would bring. The stage before is the nearest
 * earlier one with an app in which something is active, as the token sees it.
 */
export async function viewPipeline(
  caller: DocumentOwner,
  reader: Reader,
  documents: Documents,
  { pipeline, stages, apps }: SeenPipeline,
): Promise<PipelineView> {
  const promoted = new PromotedHashes(caller, reader, documents);
  const views: StageView[] = [];
  let previous: readonly PipelineApp[] = [];
  for (const stage of stages) {
    const own = apps.filter(({ stageId }) => stageId === stage.id);
    const viewed: AppView[] = [];
    for (const app of own) viewed.push({ app, equalsPrevious: await equalsAny(promoted, previous, app) });
    views.push({ stage, apps: viewed });
    const active = own.filter((app) => app.active !== null);
    if (active.length > 0) previous = active;
  }
  return { pipeline, stages: views };
}

async function equalsAny(
  promoted: PromotedHashes,
  previous: readonly PipelineApp[],
  app: PipelineApp,
): Promise<boolean | null> {
  if (previous.length === 0) return null;
  if (app.active === null) return false;
  for (const source of previous) {
    if ((await promoted.hash(source, app.environment.name)) === app.active.policyHash) return true;
  }
  return false;
}

/** The policy hash that an app's active content would have in another environment, made once for each content and pair of names. */
class PromotedHashes {
  readonly #rewritten = new Map<string, boolean>();
  readonly #hashes = new Map<string, string>();

  constructor(
    private readonly caller: DocumentOwner,
    private readonly reader: Reader,
    private readonly documents: Documents,
  ) {}

  /** Undefined when the content went away meanwhile. */
  async hash({ environment, active }: PipelineApp, toEnvironment: string): Promise<string | undefined> {
    if (active === null) return undefined;
    const { contentId, policyHash } = active;
    const from = environment.name;
    // The hash survives a promotion that rewrites nothing.
    if (from === toEnvironment || !(await this.#isRewritten(contentId, from))) return policyHash;
    const key = `${contentId} ${from} ${toEnvironment}`;
    const known = this.#hashes.get(key) ?? (await this.#promotedHash(contentId, from, toEnvironment));
    if (known !== undefined) this.#hashes.set(key, known);
    return known;
  }

  async #isRewritten(contentId: string, from: string): Promise<boolean> {
    const key = `${contentId} ${from}`;
    const known = this.#rewritten.get(key);
    if (known !== undefined) return known;
    const scopes = (await this.reader.scopePolicies(contentId)) ?? "{}";
    const isRewritten = await this.documents.namesEnvironment(this.caller, scopes, from);
    this.#rewritten.set(key, isRewritten);
    return isRewritten;
  }

  async #promotedHash(contentId: string, from: string, to: string): Promise<string | undefined> {
    const content = await this.reader.content(contentId);
    if (content === null) return undefined;
    try {
      return (await this.documents.promoteContent(this.caller, content, from, to)).canonical.policyHash;
    } catch (thrown) {
      // Scope policies that would collide: no promotion would bring this.
      if (thrown instanceof AppError && thrown.code === "invalid") return undefined;
      throw thrown;
    }
  }
}
