import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { LRUCache } from "lru-cache";
import type { Signer } from "../../bundle/signer.js";
import { FairScheduler } from "../../core/schedule/fair-scheduler.js";
import { SingleFlight } from "../../core/schedule/single-flight.js";
import { signedOpaTar } from "../documents/opa-archive.js";
import type { Documents } from "../documents/documents.js";
import type { ActiveBundle } from "../runtimes/active-bundles.js";

const compress = promisify<Uint8Array, Uint8Array>(gzip);

/** For all environments; what was not asked for longest is made again when it is. */
const MAX_CACHED_BYTES = 64 * 1024 * 1024;

/** The key and the cache's own. */
const ENTRY_BYTES = 512;

/** Archives that are made at once: each holds its documents several times. */
const AT_ONCE = {
  concurrency: 2,
  maxWaiting: 256,
  refusal: { message: "too many OPA bundles are being made", reason: "too_many_documents" },
};

/** What makes archives. */
export interface OpaArchiveParts {
  readonly documents: Pick<Documents, "opaArchive">;
  /** The key of purpose `opa`. */
  readonly signer: Signer;
}

/**
 * The archives of active bundles, gzipped. One is made when somebody asks for it first, and kept: the same bytes for all that ask, since a
 * signature is made by RFC 6979 and dated by the activation. An archive names its organization, project, environment and sequence, so
 * none is ever another activation's.
 */
export class OpaArchives {
  readonly #kept = new LRUCache<string, Uint8Array>({
    maxSize: MAX_CACHED_BYTES,
    sizeCalculation: (bytes) => bytes.length + ENTRY_BYTES,
  });
  readonly #flights = new SingleFlight<string, Uint8Array>();
  readonly #turns = new FairScheduler(AT_ONCE);

  constructor(private readonly parts: OpaArchiveParts) {}

  /** The gzipped tar file. Throws as Documents do: `unavailable` when too many wait. */
  async of(active: ActiveBundle): Promise<Uint8Array> {
    const { id } = active.deployment;
    const kept = this.#kept.get(id);
    if (kept !== undefined) return kept;
    return await this.#flights.run(id, async () => {
      const bytes = await this.#make(active);
      this.#kept.set(id, bytes);
      return bytes;
    });
  }

  async #make({ deployment, document }: ActiveBundle): Promise<Uint8Array> {
    const { documents, signer } = this.parts;
    const { orgId, projectId, environment, sequence, version, policyHash, mediaType } = deployment;
    // On behalf of all OPAs of the environment.
    const owner = { orgId, tokenId: 0 };
    using _turn = await this.#turns.acquire(owner);
    const activation = { orgId, projectId, environment, sequence, version, policyHash, activatedAt: deployment.at };
    const unsigned = await documents.opaArchive(owner, { activation, document, mediaType, keyId: signer.keyId });
    const signature = await signer.sign(Buffer.from(unsigned.signingInput));
    return await compress(Buffer.concat(signedOpaTar(unsigned, signature)));
  }
}
