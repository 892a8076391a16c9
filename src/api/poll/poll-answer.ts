import { contentDigest } from "../../bundle/policy-hash.js";
import type { ActiveBundle } from "../../service/runtimes/active-bundles.js";
import type { ActivePolicies } from "../../service/runtimes/active-policies.js";
import type { Freshness } from "../../service/access/freshness.js";
import type { Proof } from "../../service/trust/proofs.js";
import { entityTagOf } from "../../service/runtimes/latest.js";

/** What every poll of an activation is answered with: bytes and headers that are made once. */
export interface PollAnswer {
  readonly etag: string;
  /** As it stands in If-None-Match when a client sends back what it got. */
  readonly quotedEtag: string;
  readonly policyHash: string;
  readonly body: Buffer;
  /** Name, value, name, value …, of 304 and 200 alike. */
  readonly headers: readonly string[];
  /** What 200 has on top. */
  readonly bodyHeaders: readonly string[];
}

/** What GetLatestBundle says of an activation beside its document (api.md, "Runtimes"). Also what names it in REST's headers. */
export function latestHeaders(active: ActiveBundle): Readonly<Record<string, string>> {
  return {
    ETag: `"${entityTagOf(active)}"`,
    // Signed bytes: no proxy may compress or rewrite them.
    "Cache-Control": "private, no-cache, no-transform",
    Vary: "Authorization, X-API-Key",
    "Signet-Sequence": String(active.deployment.sequence),
    "Signet-Deployment-Id": active.deployment.id,
  };
}

/** The lease of what is active (docs/trust.md); nothing when there is no proof. */
export function leaseHeaders(proof: Proof | null): Readonly<Record<string, string>> {
  return proof === null ? {} : { "Signet-Lease": proof.header };
}

/** The SHA-256 of a content (RFC 9530), which its policy hash is in another form. */
export function contentDigestHeaders({ deployment }: ActiveBundle): Readonly<Record<string, string>> {
  const digest = Buffer.from(contentDigest(deployment.policyHash), "hex");
  return { "Content-Digest": `sha-256=:${digest.toString("base64")}:` };
}

/** The age of an answer from memory while the database is away (RFC 9111, section 5.1); nothing while what is in memory is current. */
export function ageHeaders({ ageSeconds }: Pick<Freshness, "ageSeconds">): Readonly<Record<string, string>> {
  return ageSeconds === 0 ? {} : { Age: String(ageSeconds) };
}

/** The answers to polls, which live as long as what they answer with; their headers change with the lease. */
export class PollAnswers {
  readonly #answers = new WeakMap<object, { readonly proof: Proof | null; readonly answer: PollAnswer }>();

  /** With the document. */
  ofDocument(active: ActiveBundle, proof: Proof | null): PollAnswer {
    return this.#of(active, active, active.document, proof);
  }

  /** With the policies alone. */
  ofPolicies(active: ActiveBundle, policies: ActivePolicies, proof: Proof | null): PollAnswer {
    return this.#of(policies, active, policies.text, proof);
  }

  #of(key: object, active: ActiveBundle, text: string, proof: Proof | null): PollAnswer {
    const kept = this.#answers.get(key);
    if (kept?.proof === proof) return kept.answer;
    const etag = entityTagOf(active);
    const body = kept?.answer.body ?? Buffer.from(text);
    const answer: PollAnswer = {
      etag,
      quotedEtag: `"${etag}"`,
      policyHash: active.deployment.policyHash,
      body,
      headers: Object.entries({ ...latestHeaders(active), ...leaseHeaders(proof) }).flat(),
      bodyHeaders: ["Content-Type", "application/json", "Content-Length", String(body.byteLength)],
    };
    this.#answers.set(key, { proof, answer });
    return answer;
  }
}
