import type { OpaFile } from "../../bundle/opa/opa-file.js";
import type { TrustIdentity } from "../../bundle/trust/trust-state.js";
import type { NodeRuntimeOptions } from "../../sdk/runtime/node/node-runtime.js";
import type { RuntimeProof } from "../../sdk/runtime/runtime-proof.js";
import type { RuntimeStatus, UpdateAttempt } from "../../sdk/runtime/runtime.js";
import type { Upstream } from "./upstream.js";

/** The server's OPA bundle of an activation: a gzipped tar, exactly as the server made it. */
export interface OpaArchive {
  readonly bytes: Buffer;
  /** The server's entity tag, with quotes. */
  readonly etag: string;
}

/** One activation of an environment, verified by docs/trust.md. Never changes; every byte is as the server signed it. */
export interface VerifiedPack {
  readonly identity: TrustIdentity;
  /** Grows with every activation, also with a rollback. */
  readonly sequence: number;
  readonly deploymentId: string;
  readonly bundleId: string;
  /** The bundle's number. */
  readonly version: number;
  /** `publish`, `activate`, `promote`, `rollback` or `import`. */
  readonly kind: string;
  readonly activatedAt: Date;
  /** `sha256:` and 64 hex digits: of `content`. */
  readonly policyHash: string;
  /** `application/json`, or `application/vnd.openpolicyagent.bundles`. */
  readonly mediaType: string;
  /** `{"policies":…,"scope_policies":…}`: the bytes whose SHA-256 is `policyHash`. */
  readonly content: Buffer;
  /** SHA-256 of the format-1 document, in hex. */
  readonly documentDigest: string;
  /**
   * The format-1 document: its SHA-256 is `documentDigest`, and its policies are those of `content`. From the disk when it is there, else
   * from the server: waits until the server has sent it.
   *
   * @throws SignetError `cancelled` when the signal aborts, when another activation took this one's place before the server sent it, and
   *   when the source is closed; TrustError `mix_and_match` when what the server signed as document has other policies than the content
   */
  document(signal?: AbortSignal): Promise<Buffer>;
  /** The policies alone, as they were published: the bytes of that member of the document. Throws as `document` does. */
  policies(signal?: AbortSignal): Promise<Buffer>;
  /** The server's OPA bundle, with the server's signature; its files are those of `opaFiles`. Null: the server makes none. Throws as `document` does. */
  opaBundle(signal?: AbortSignal): Promise<OpaArchive | null>;
  /** The files of the OPA bundle but for its signatures, made of the content: in the order of the archive. */
  opaFiles(): readonly OpaFile[];
}

/** How a source stands. */
export interface SourceStatus extends RuntimeStatus {
  /** Of what was proven last; null while nothing was. */
  readonly sequence: number | null;
  /** When an activation was taken from the server last; null while the pack comes from the disk. */
  readonly lastUpdateAt: Date | null;
  /** Refused updates by their code (docs/trust.md). A document or an OPA bundle that is not the activation's counts too. */
  readonly refusalsByCode: ReadonlyMap<string, number>;
  /** Whether the pack comes from the disk: the server has not been reached since the start. */
  readonly isFromDisk: boolean;
}

/** The result of applying an activation outside of the source: to files, by a command. */
export type PackOutcome =
  { readonly state: "applied" } | { readonly state: "rejected"; /** For the fleet view. */ readonly reason: string };

/** The events of a source. */
export interface SourceEvents {
  /** `current` is another pack. */
  update: VerifiedPack;
  /** `status.state` changed: `current` may be null from now on, or no longer null. */
  state: SourceStatus;
  /** `proof` changed: another lease, root or activation. About once a minute. */
  proof: RuntimeProof;
  /** An attempt to be up to date ended. */
  attempt: UpdateAttempt;
}

/** Follows one environment: keeps its newest verified pack in memory and on the disk. Goes on while the server is away. */
export interface PackSource extends AsyncDisposable {
  readonly identity: TrustIdentity;
  /** The pack that may be used; null while nothing is proven, and while `expired` or `revoked` closes it. */
  readonly current: VerifiedPack | null;
  /** The signed texts beside the pack, also when `current` is closed. A new lease replaces them about each minute. */
  readonly proof: RuntimeProof;
  readonly status: SourceStatus;
  /** `current` and each one after it, until the source is closed. A slow reader misses superseded ones, and delays no other. */
  updates(): AsyncIterable<VerifiedPack>;
  /** Calls `listener` each time, at once. Returns a function that ends it. */
  on<Name extends keyof SourceEvents>(name: Name, listener: (value: SourceEvents[Name]) => void): () => void;
  /** Tells the fleet view what became of a pack, where `reports` is "caller". Never waits; a newer report replaces one that is being sent. */
  report(pack: Pick<VerifiedPack, "sequence" | "deploymentId">, outcome: PackOutcome): void;
  /**
   * The envelope of a root document, for readers with an older pinned root: what was verified, or, below the pinned root, what the server
   * has, of which the form and its own signatures are checked. Null above the newest. Throws SignetError when the server is needed and away.
   */
  root(version: number): Promise<string | null>;
  /** Calls of local readers to the server. */
  readonly upstream: Upstream;
}

/** How to open a source. */
export interface PackSourceOptions extends Omit<NodeRuntimeOptions, "cache" | "reports"> {
  /** Where the pack is kept, for its owner alone. Several sources may share it. */
  readonly directory: string;
  /**
   * By whom an activation is reported as applied: `self`: the source, once it is verified and on the disk (default); `caller`: `report`. Refused
   * updates are always reported by the source.
   */
  readonly reports?: "self" | "caller";
  /** The parts to fetch and keep beside the content of each activation. Default: none; `document` and `opaBundle` fetch when they are called. */
  readonly keeps?: readonly ("document" | "opa")[];
}
