import { LRUCache } from "lru-cache";
import { SingleFlight } from "../../core/schedule/single-flight.js";
import type { Documents } from "../documents/documents.js";
import type { ActiveBundle } from "./active-bundles.js";

/** For all environments; what was not asked for longest is made again when it is. */
const MAX_CACHED_BYTES = 128 * 1024 * 1024;

/** The key and the cache's own. */
const ENTRY_BYTES = 512;

/**
 * The contents of active bundles: the text, all ASCII, that their `policyHash` names. Made when somebody asks for it, since most runtimes read
 * the document; the same text for environments with the same content.
 */
export class ActiveContents {
  readonly #kept = new LRUCache<string, string>({
    maxSize: MAX_CACHED_BYTES,
    sizeCalculation: (text) => text.length + ENTRY_BYTES,
  });
  readonly #flights = new SingleFlight<string, string>();

  constructor(private readonly documents: Pick<Documents, "content">) {}

  /** The content. Throws as Documents do for large ones: `unavailable` when too many wait. */
  async of({ deployment, document }: ActiveBundle): Promise<string> {
    const { policyHash, orgId } = deployment;
    const kept = this.#kept.get(policyHash);
    if (kept !== undefined) return kept;
    return await this.#flights.run(policyHash, async () => {
      // On behalf of all runtimes of the environment.
      const text = await this.documents.content({ orgId, tokenId: 0 }, document);
      this.#kept.set(policyHash, text);
      return text;
    });
  }
}
