import { LRUCache } from "lru-cache";
import { boundedEnvelope } from "../../bundle/trust/threshold.js";
import { parseRoot, type Root } from "../../bundle/trust/root.js";
import type { TrustRoot } from "../../core/trust/trust-root.js";
import type { Reader } from "../../store/store.js";

/** Parsed root documents that are kept: some KiB each, 64 at most. */
const MAX_PARSED = 500;

/** Projects whose roots runtimes ask for that are kept, and the roots of each. */
const MAX_PROJECTS = 1_000;
const MAX_VERSIONS = 64;

/** Projects whose changes are counted: some 100 bytes each. */
const MAX_COUNTED = 10_000;

/** A root document as it is kept, and what it says. */
export interface KnownRoot {
  readonly kept: TrustRoot;
  readonly root: Root;
}

/** The roots of one project that runtimes asked for. */
interface ProjectRoots {
  /** Null without one. */
  readonly newest: TrustRoot | null;
  /** Older ones, by version. */
  readonly older: Map<number, string>;
}

/** The root documents of projects: parsed once each, and for runtimes in memory. */
export class RootDocuments {
  readonly #parsed = new LRUCache<string, Root>({ max: MAX_PARSED });
  readonly #projects = new LRUCache<string, ProjectRoots>({ max: MAX_PROJECTS });
  readonly #changes = new LRUCache<string, number>({ max: MAX_COUNTED });
  /** Counts what was forgotten, so that nothing is kept that was read before it. */
  #forgotten = 0;

  /** The newest one of a project, as the reader sees it: one look-up. Null without one. */
  async newest(reader: Pick<Reader, "newestTrustRoot">, projectId: string): Promise<KnownRoot | null> {
    const kept = await reader.newestTrustRoot(projectId);
    return kept === null ? null : this.of(kept);
  }

  /** What a kept root document says. It was verified before it was kept. */
  of(kept: TrustRoot): KnownRoot {
    const known = this.#parsed.get(kept.digest);
    if (known !== undefined) return { kept, root: known };
    const root = parseRoot(boundedEnvelope(kept.envelope).payload);
    this.#parsed.set(kept.digest, root);
    return { kept, root };
  }

  /** The version of the newest root of a project, 0 without one; from memory, which hears of new ones. */
  async newestVersion(reader: Reader, projectId: string): Promise<number> {
    return (await this.#ofProject(reader, projectId)).newest?.version ?? 0;
  }

  /** The envelope of one version, null for one that is not there; from memory, which hears of new ones. */
  async envelope(reader: Reader, projectId: string, version: number): Promise<string | null> {
    const { newest, older } = await this.#ofProject(reader, projectId);
    if (newest === null || version > newest.version) return null;
    if (version === newest.version) return newest.envelope;
    const known = older.get(version) ?? (await reader.trustRoot(projectId, version))?.envelope ?? null;
    if (known !== null && older.size < MAX_VERSIONS) older.set(version, known);
    return known;
  }

  /** Another number once the project has got another root: for whoever waits, to look at what it waits for. */
  changes(projectId: string): number {
    return this.#changes.get(projectId) ?? 0;
  }

  /** A project got another root. */
  forget(projectId: string): void {
    this.#forgotten += 1;
    this.#changes.set(projectId, this.#forgotten);
    this.#projects.delete(projectId);
  }

  /** It is not known which projects got another root. */
  forgetAll(): void {
    this.#forgotten += 1;
    this.#projects.clear();
  }

  async #ofProject(reader: Reader, projectId: string): Promise<ProjectRoots> {
    const known = this.#projects.get(projectId);
    if (known !== undefined) return known;
    const before = this.#forgotten;
    const roots = { newest: await reader.newestTrustRoot(projectId), older: new Map<number, string>() };
    if (before === this.#forgotten) this.#projects.set(projectId, roots);
    return roots;
  }
}
