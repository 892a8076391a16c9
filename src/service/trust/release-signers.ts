import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { goodSignatures, type Envelope, type EnvelopeSignature } from "../../bundle/envelope/dsse.js";
import type { PublicKey } from "../../bundle/keys.js";
import type { Root } from "../../bundle/trust/root.js";
import { boundedEnvelope } from "../../bundle/trust/threshold.js";
import type { Release } from "../../core/trust/release.js";
import { nodeVerifier } from "../keys/ed25519-node.js";
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
    const signedBy = new Set((await this.signatures(root, boundedEnvelope(envelope))).map(({ keyid }) => keyid));
    this.#known.set(key, signedBy);
    return signedBy;
  }

  /** The signatures of authors. */
  async signatures(root: Root, envelope: Envelope): Promise<readonly EnvelopeSignature[]> {
    return await goodSignatures(envelope, authorsOf(root), nodeVerifier);
  }
}

/** The keys that may sign a release for any environment. */
export function authorsOf({ roles, environments, keys }: Root): readonly PublicKey[] {
  const rules = [roles.release, ...[...environments.values()].map(({ release }) => release)];
  const ids = new Set(rules.flatMap((rule) => rule?.keyIds ?? []));
  return [...ids].flatMap((id) => {
    const key = keys.get(id);
    return key === undefined ? [] : [key];
  });
}
