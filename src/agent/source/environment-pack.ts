import type { TrustIdentity } from "../../bundle/trust/trust-state.js";
import type { NodeRuntimeOptions } from "../../sdk/runtime/node/node-runtime.js";
import type { RuntimeStatus } from "../../sdk/runtime/runtime.js";

/** The server's OPA bundle of an activation: a gzipped tar, exactly as the server made it. */
export interface OpaArchive {
  readonly bytes: Buffer;
  /** The server's entity tag, with quotes. */
  readonly etag: string;
}

/** A file of an unpacked OPA bundle. */
export interface OpaFile {
  /** Relative, with slashes; without `.` and `..` segments. */
  readonly name: string;
  readonly bytes: Uint8Array;
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
  /** The policies alone: the bytes of that member of `content`. */
  policies(): Buffer;
  /**
   * The format-1 document; its SHA-256 is `documentDigest`. From the disk when it is there, else from the server: waits until the server
   * has sent it.
   *
   * @throws SignetError `cancelled` when the signal aborts, when another activation took this one's place before the server sent it, and
   *   when the source is closed
   */
  document(signal?: AbortSignal): Promise<Buffer>;
  /** The server's OPA bundle, with the server's signature; its files are those of `opaFiles`. Null: the server makes none. Throws as `document` does. */
  opaBundle(signal?: AbortSignal): Promise<OpaArchive | null>;
  /** The files of the OPA bundle but for its signatures, made of the content: in the order of the archive. */
  opaFiles(): readonly OpaFile[];
}

/** The signed texts beside a pack. A new lease replaces it about each minute. */
export interface PackProof {
  /** JSON text `{"lease","activation","release","proof"}`: what `GET /v1/bundles/latest/attestation` answers. */
  readonly attestation: string;
  /** The envelope of the lease alone; null when the state has none. */
  readonly lease: string | null;
  /** Of what the attestation is about; 0: nothing is active. */
  readonly sequence: number;
  /** Empty: nothing is active. */
  readonly deploymentId: string;
  /** Envelopes by version, from the one after the pinned root on; the pinned one too where it is a root document. */
  readonly roots: ReadonlyMap<number, string>;
}

/** How a source stands. */
export interface SourceStatus extends RuntimeStatus {
  /** Of what was proven last; null while nothing was. */
  readonly sequence: number | null;
  /** When an activation was taken from the server last; null while all that there is comes from the disk. */
  readonly lastUpdateAt: Date | null;
  /** Refused updates by their code (docs/trust.md). */
  readonly refusalsByCode: ReadonlyMap<string, number>;
  /** What is served comes from the disk: the server has not been reached since the start. */
  readonly isFromDisk: boolean;
}

/** What became of an activation outside: in files, by a command. */
export type PackOutcome =
  { readonly state: "applied" } | { readonly state: "rejected"; /** For the fleet view. */ readonly reason: string };

/** The events of a source. */
export interface SourceEvents {
  /** `current` is another pack. */
  update: VerifiedPack;
  /** `status.state` changed: `current` may be null from now on, or no longer null. */
  state: SourceStatus;
  /** `proof` changed: another lease, root or activation. */
  proof: PackProof;
}

/** Follows one environment: keeps its newest verified pack in memory and on the disk. Goes on while the server is away. */
export interface PackSource extends AsyncDisposable {
  readonly identity: TrustIdentity;
  /** What may be used; null while nothing is proven, and while `expired` or `revoked` closes it. */
  readonly current: VerifiedPack | null;
  /** Null while nothing is proven. Also there when `current` is closed. */
  readonly proof: PackProof | null;
  readonly status: SourceStatus;
  /** `current` and each one after it, until the source is closed. Who is slow misses superseded ones, and holds up nobody. */
  updates(): AsyncIterable<VerifiedPack>;
  /** Calls `listener` each time, at once. Returns a function that ends it. */
  on<Name extends keyof SourceEvents>(name: Name, listener: (value: SourceEvents[Name]) => void): () => void;
  /** Tells the fleet view what became of a pack, where `reports` is "caller". Never waits; a newer report replaces one that is being sent. */
  report(pack: Pick<VerifiedPack, "sequence" | "deploymentId">, outcome: PackOutcome): void;
}

/** How to open a source. */
export interface PackSourceOptions extends Omit<NodeRuntimeOptions, "cache" | "reports"> {
  /** Where the pack is kept, for its owner alone. Several sources may share it. */
  readonly directory: string;
  /**
   * Who says that an activation is applied: `self`: the source, once it is verified and on the disk (default); `caller`: `report`. Refused
   * updates are always reported by the source.
   */
  readonly reports?: "self" | "caller";
  /** What is fetched and kept of each activation beside its content. Default: nothing: `document` and `opaBundle` fetch when they are called. */
  readonly keeps?: readonly ("document" | "opa")[];
}

/** Opens a source; resolves when the disk was read. Rejects with a TypeError for invalid options, and with a TrustError for a bad root. */
export type OpenPackSource = (options: PackSourceOptions) => Promise<PackSource>;
