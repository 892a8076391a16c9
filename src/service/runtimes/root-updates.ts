import { LRUCache } from "lru-cache";
import { MAX_ROOTS_AT_ONCE } from "../../bundle/trust/root.js";
import type { TrustRoot } from "../../core/trust/trust-root.js";
import type { TrustReader } from "../../store/trust-store.js";
import type { Wakeups } from "../changes/wakeups.js";

/** For all projects; what was not asked for longest is read again when it is. */
const MAX_CACHED_BYTES = 16 * 1024 * 1024;

/** The row without its envelope, and the cache's own. */
const ENTRY_BYTES = 1024;

/** The versions of root documents that runtimes do not have yet, from memory: a published version never changes. */
export class RootUpdates {
  readonly #kept = new LRUCache<string, TrustRoot>({
    maxSize: MAX_CACHED_BYTES,
    sizeCalculation: ({ envelope }) => envelope.length + ENTRY_BYTES,
  });

  constructor(
    private readonly read: Pick<TrustReader, "trustRootsAfter">,
    wakeups: Wakeups,
  ) {
    wakeups.invalidate({ forget: () => undefined, forgetAll: () => this.#kept.clear() });
  }

  /**
   * The versions above `version` up to `newest`, oldest first, without gaps. At most {@link MAX_ROOTS_AT_ONCE}: a stream keeps them until its
   * reader has taken them, and a runtime follows no more in one update.
   *
   * @param newest null where it is not known
   */
  async after(projectId: string, version: number, newest: number | null): Promise<readonly TrustRoot[]> {
    const found: TrustRoot[] = [];
    for (let last = version; (newest === null || last < newest) && found.length < MAX_ROOTS_AT_ONCE;) {
      const kept = newest === null ? undefined : this.#kept.get(keyOf(projectId, last + 1));
      const left = MAX_ROOTS_AT_ONCE - found.length;
      const next = kept === undefined ? await this.read.trustRootsAfter(projectId, last, left) : [kept];
      for (const root of next) this.#kept.set(keyOf(projectId, root.version), root);
      found.push(...next);
      if (next.length === 0) break;
      last += next.length;
    }
    return found;
  }
}

function keyOf(projectId: string, version: number): string {
  return `${projectId} ${version}`;
}
