import { MAX_ENVELOPE_LENGTH } from "../../bundle/trust/threshold.js";
import type { TrustIdentity } from "../../bundle/trust/trust-state.js";
import { TrustError } from "../../bundle/trust/trust-error.js";
import { verifyPinnedRoot } from "../../bundle/trust/verify-objects.js";
import { nodeVerifier } from "../../sdk/runtime/node/node-verifier.js";
import type { RuntimeProof } from "../../sdk/runtime/runtime-proof.js";
import { connectionError, readBody, type Rest } from "../../sdk/runtime/ways/http.js";
import { SignetError } from "../../sdk/signet-error.js";

/** Root documents that the agent did not need itself are few; a reader may ask for any number. */
const MAX_FETCHED = 64;
const FETCH_TIMEOUT_MS = 10_000;

/** The parts of {@link RootDocuments}. */
export interface RootDocumentsOptions {
  readonly identity: TrustIdentity;
  readonly rest: Rest;
  /** The envelope of the pinned root; null for pinned keys. */
  readonly pinned: string | null;
  readonly proof: () => RuntimeProof;
  readonly stop: AbortSignal;
}

/** The root documents of a project, for readers whose pinned one is older. */
export class RootDocuments {
  readonly #fetched = new Map<number, Promise<string | null>>();

  constructor(private readonly options: RootDocumentsOptions) {}

  /**
   * The envelope of a version; null above the newest that the agent knows.
   *
   * A version that the agent's own chain does not have is the server's answer: its form, project and own signatures are checked. Whether it
   * follows the reader's is for the reader to verify.
   *
   * @throws SignetError when there is no answer, TrustError for an answer that is no such root
   */
  async get(version: number): Promise<string | null> {
    const { pinned } = this.options;
    const { rootVersion, roots } = this.options.proof();
    const followed = roots.find((root) => root.version === version);
    if (followed !== undefined) return followed.envelope;
    // Level 0 follows none, and does not know which is the newest.
    const isKnown = pinned !== null;
    if (isKnown && version > rootVersion) return null;
    if (isKnown && version === rootVersion - roots.length) return pinned;
    const known = this.#fetched.get(version);
    if (known !== undefined) return await known;
    const fetched = this.#fetch(version);
    this.#fetched.set(version, fetched);
    if (this.#fetched.size > MAX_FETCHED) this.#fetched.delete([...this.#fetched.keys()][0] ?? 0);
    // A missing root, or a failure, is not remembered.
    const found = await fetched.catch((thrown: unknown) => {
      this.#fetched.delete(version);
      throw thrown;
    });
    if (found === null) this.#fetched.delete(version);
    return found;
  }

  async #fetch(version: number): Promise<string | null> {
    const { rest, stop, identity } = this.options;
    const signal = AbortSignal.any([stop, AbortSignal.timeout(FETCH_TIMEOUT_MS)]);
    let bytes: Uint8Array;
    try {
      const answer = await rest.get(`/v1/trust/roots/${version}`, {}, signal);
      bytes = await readBody(answer, MAX_ENVELOPE_LENGTH);
    } catch (thrown) {
      if (thrown instanceof SignetError && thrown.code === "not_found" && thrown.isFromServer) return null;
      throw connectionError(thrown, signal);
    }
    const envelope = new TextDecoder().decode(bytes);
    const root = await verifyPinnedRoot(envelope, identity, nodeVerifier);
    if (root.version !== version) throw new TrustError("root_version", `root ${root.version} came for ${version}`);
    return envelope;
  }
}
