import type { UnsignedOpaBundle } from "../../bundle/opa/opa-bundle.js";
import type { ActivationStatement } from "../../bundle/trust/activation.js";
import type { OpaFile } from "../../bundle/opa/opa-file.js";
import type { TrustIdentity } from "../../bundle/trust/trust-state.js";
import type { CheckedDocument, DocumentFacts } from "./document-check.js";
import type { OpaArchive, VerifiedPack } from "./environment-pack.js";
import { opaBundleOf } from "./opa-check.js";

/** Gets what a pack does not have yet. */
export interface PartLoader {
  document(pack: Pack, signal: AbortSignal | undefined): Promise<CheckedDocument>;
  opaBundle(pack: Pack, signal: AbortSignal | undefined): Promise<OpaArchive | null>;
}

/** A verified activation with its content. */
export class Pack implements VerifiedPack, DocumentFacts {
  readonly sequence: number;
  readonly deploymentId: string;
  readonly bundleId: string;
  readonly version: number;
  readonly kind: string;
  readonly activatedAt: Date;
  readonly policyHash: string;
  readonly mediaType: string;
  readonly documentDigest: string;
  #files: readonly OpaFile[] | null = null;

  /** @param content the bytes that the statement names */
  constructor(
    readonly identity: TrustIdentity,
    private readonly statement: ActivationStatement,
    readonly content: Buffer,
    private readonly loader: PartLoader,
  ) {
    const { sequence, deploymentId, bundleId, version, kind, activatedAt, mediaType, document } = statement;
    this.sequence = sequence;
    this.deploymentId = deploymentId;
    this.bundleId = bundleId;
    this.version = version;
    this.kind = kind;
    this.mediaType = mediaType;
    this.activatedAt = new Date(activatedAt);
    this.policyHash = `sha256:${statement.content}`;
    this.documentDigest = document;
  }

  async document(signal?: AbortSignal): Promise<Buffer> {
    return (await this.loader.document(this, signal)).bytes;
  }

  async policies(signal?: AbortSignal): Promise<Buffer> {
    return (await this.loader.document(this, signal)).policies;
  }

  async opaBundle(signal?: AbortSignal): Promise<OpaArchive | null> {
    return await this.loader.opaBundle(this, signal);
  }

  opaFiles(): readonly OpaFile[] {
    return (this.#files ??= this.opaBundleFor("").files);
  }

  /** The OPA bundle without its signature, as a key of that id signs it. */
  opaBundleFor(keyId: string): UnsignedOpaBundle {
    const { sequence, version, activatedAt } = this.statement;
    const { identity, policyHash, mediaType, content } = this;
    return opaBundleOf({ ...identity, sequence, version, activatedAt, policyHash }, mediaType, content, keyId);
  }
}
