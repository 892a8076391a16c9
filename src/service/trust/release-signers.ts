import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Envelope, EnvelopeSignature } from "../../bundle/envelope/dsse.js";
import type { PublicKey } from "../../bundle/keys.js";
import type { Root } from "../../bundle/trust/root.js";
import { boundedEnvelope } from "../../bundle/trust/threshold.js";
import type { Release } from "../../core/trust/release.js";
import { nodeVerifier } from "../keys/ed25519-node.js";
import { givenSignatures, keptSigners } from "./envelopes.js";
import type { KnownRoot } from "./root-documents.js";

/** Results that are kept: some 300 bytes each. */
const MAX_KNOWN = 5_000;

/** Says which authors signed a release: each envelope is verified once under a root. */
export class ReleaseSigners {
  readonly #known = new LRUCache<string, ReadonlySet<string>>({ max: MAX_KNOWN });

  /** The key ids, 64 hex digits each, of the authors that signed a kept release. An author is whoever may sign one for any environment. */
  async of({ kept, root }: KnownRoot, { envelope }: Pick<Release, "envelope">): Promise<ReadonlySet<string>> {
    const key = `${kept.digest} ${createHash("sha256").update(envelope).digest("base64")}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const signedBy = await keptSigners(boundedEnvelope(envelope), authorsOf(root), nodeVerifier);
    this.#known.set(key, signedBy);
    return signedBy;
  }

  /** The signatures of authors, of an envelope of a request. Throws `invalid` about `field` as givenSignatures. */
  async signatures(root: Root, envelope: Envelope, field: string): Promise<readonly EnvelopeSignature[]> {
    return await givenSignatures(envelope, authorsOf(root), nodeVerifier, field);
  }
}

/** The keys that may sign a release for any environment, by id. */
export function authorsOf({ roles, environments, keys }: Root): ReadonlyMap<string, PublicKey> {
  const rules = [roles.release, ...[...environments.values()].map(({ release }) => release)];
  const authors = new Map<string, PublicKey>();
  for (const id of rules.flatMap((rule) => rule?.keyIds ?? [])) {
    const key = keys.get(id);
    if (key !== undefined) authors.set(id, key);
  }
  return authors;
}
