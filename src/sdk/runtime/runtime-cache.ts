import type { TrustIdentity } from "../../bundle/trust/trust-state.js";
import { portableSha256 } from "../../bundle/trust/verify-state.js";

/** What a runtime stores. */
export interface CacheEntry {
  /** JSON: the envelopes of the trust state. It is verified again when it is loaded. */
  readonly state: string;
  /** The content that runs; null for none. */
  readonly content: CachedContent | null;
  /**
   * Versions and times that only grow: of the root, of the activation, of the lease. What is stored is never replaced by an entry that
   * is lower by the first of them that differs, which another process may hold.
   */
  readonly rank: readonly number[];
}

/** Exact bytes, by their digest. */
export interface CachedContent {
  /** SHA-256, 64 hex digits. */
  readonly digest: string;
  readonly bytes: Uint8Array;
}

/** Keeps what a runtime has, with its floors, so that it starts from it while the server is away, and nobody can take it back. */
export interface RuntimeCache {
  /**
   * What was stored under a name last, or null. Rejects if it cannot be read.
   *
   * @param name of an environment of a project: 1 to 100 characters of `a-z0-9-`
   */
  load(name: string): Promise<Omit<CacheEntry, "rank"> | null>;
  /**
   * Replaces it: the content first, then all the rest at once. After a crash, `load` returns the one or the other. Does nothing where
   * what is stored has a higher rank. Rejects if it cannot be written.
   */
  store(name: string, entry: CacheEntry): Promise<void>;
}

/** A cache in memory, for a page or a test: it outlives a runtime, and no process. */
export function createMemoryCache(): RuntimeCache {
  const entries = new Map<string, CacheEntry>();
  return {
    load: async (name) => entries.get(name) ?? null,
    async store(name, entry) {
      const stored = entries.get(name);
      if (stored === undefined || !isAbove(stored.rank, entry.rank)) entries.set(name, entry);
    },
  };
}

/** Whether a rank is above another: by the first number that differs. */
export function isAbove(rank: readonly number[], other: readonly number[]): boolean {
  const at = rank.findIndex((number, index) => number !== (other[index] ?? 0));
  return at >= 0 && (rank[at] ?? 0) > (other[at] ?? 0);
}

/** The name of an environment in a cache: one directory or database may hold many. */
export function cacheName({ orgId, projectId, environment }: TrustIdentity): string {
  const digest = portableSha256(new TextEncoder().encode(JSON.stringify([orgId, projectId, environment])));
  return `${environment}-${digest.slice(0, 16)}`;
}
