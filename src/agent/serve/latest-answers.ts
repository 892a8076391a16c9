import type { VerifiedPack } from "../source/environment-pack.js";
import { digestHeader, leaseHeader, packHeaders, type EnvironmentView } from "./environment-view.js";
import { notNow, Refusal } from "./local-answer.js";

/** A part of an activation that readers poll. */
export interface Polled {
  /** As it is named in metrics. */
  readonly name: string;
  /** Headers of 200, 204 and 304. */
  headers(view: EnvironmentView, pack: VerifiedPack): Readonly<Record<string, string>>;
  /** Of 200. Rejects with a Refusal for what there is none of. */
  body(view: EnvironmentView, pack: VerifiedPack, signal: AbortSignal): Promise<Buffer | string>;
  /** Headers of 200 on top. */
  bodyHeaders(pack: VerifiedPack): Readonly<Record<string, string>>;
  /** The answer while nothing is active; null: 404. */
  empty?(view: EnvironmentView): string | null;
  /** Whether a new root ends a held poll, so that its reader hears of it by the lease. */
  readonly endsWithRoot: boolean;
}

const JSON_TYPE = { "Content-Type": "application/json" };

function proven(view: EnvironmentView, pack: VerifiedPack): Readonly<Record<string, string>> {
  return { ...packHeaders(pack), ...leaseHeader(view.attestationOf(pack) === null ? null : view.source.proof.lease) };
}

/** `GET /v1/bundles/latest` */
export const DOCUMENT: Polled = {
  name: "document",
  headers: proven,
  body: async (_view, pack, signal) => await pack.document(signal),
  bodyHeaders: () => JSON_TYPE,
  endsWithRoot: true,
};

/** `GET /v1/bundles/latest/content` */
export const CONTENT: Polled = {
  name: "content",
  headers: proven,
  body: async (_view, pack) => pack.content,
  bodyHeaders: (pack) => ({ ...JSON_TYPE, ...digestHeader(pack) }),
  endsWithRoot: true,
};

/** `GET /v1/bundles/latest/attestation` */
export const ATTESTATION: Polled = {
  name: "attestation",
  headers: proven,
  async body(view, pack) {
    const attestation = view.attestationOf(pack);
    if (attestation === null) throw notNow("not_attested", "the agent has no attestation of it now", 10);
    return attestation;
  },
  bodyHeaders: () => JSON_TYPE,
  empty: (view) => view.source.proof.attestation,
  endsWithRoot: true,
};

/** `GET /v1/policies/latest` */
export const POLICIES: Polled = {
  name: "policies",
  headers: proven,
  body: async (_view, pack, signal) => await pack.policies(signal),
  bodyHeaders: () => JSON_TYPE,
  endsWithRoot: true,
};

/** `GET /v1/opa/bundle.tar.gz`. OPA polls again at once after an answer: only another bundle or the end of the wait ends one. */
export const OPA: Polled = {
  name: "opa",
  headers: (_view, pack) => packHeaders(pack),
  async body(_view, pack, signal) {
    const archive = await pack.opaBundle(signal);
    if (archive === null) throw new Refusal(404, null, "the server makes no OPA bundle of it");
    return archive.bytes;
  },
  // Without parameters: OPA compares it.
  bodyHeaders: () => ({ "Content-Type": "application/vnd.openpolicyagent.bundles" }),
  endsWithRoot: false,
};
