import { signEnvelope } from "../../bundle/envelope/dsse.js";
import { parsePublicKey } from "../../bundle/keys.js";
import {
  formatProvenance,
  MAX_PROVENANCE_DEPLOYMENTS,
  PROVENANCE_TYPE,
  setDigest,
  type ExportSet,
  type OriginBundle,
  type OriginDeployment,
  type OriginTenant,
  type Provenance,
} from "../../bundle/envelope/provenance.js";
import type { BundleState, Deployment } from "../../core/bundle.js";
import { invalidField, notFound } from "../../core/error.js";
import type { Environment, Organization, Project } from "../../core/organization.js";
import type { Principal } from "../../core/token.js";
import type { Store } from "../../store/store.js";
import { visibleEnvironment, type EnvironmentPath } from "../access/access.js";
import { documentOf, type BundleVerifier } from "../bundles/bundle-verifier.js";
import type { KeyRing } from "../keys/key-ring.js";
import type { Signers } from "../keys/signers.js";
import { documentSha256 } from "./document-sha256.js";

/** How exports name the server that makes them. */
export interface ServerName {
  readonly version: string;
  /** The public URL, if one is configured. */
  readonly url: string | null;
}

/** The parts of a set, as a caller gives them; absent ones are null. */
export type GivenSet = { readonly [Part in keyof ExportSet]: ExportSet[Part] | null };

/** An exported version. */
export interface ExportedBundle {
  readonly document: string;
  /** An envelope of PROVENANCE_TYPE. */
  readonly provenance: string;
}

/** Exports bundles: their documents, with a signed statement of where they are from. */
export class Exporting {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly verifier: BundleVerifier;
      readonly ring: KeyRing;
      readonly signers: Signers;
      readonly server: ServerName;
    },
  ) {}

  /**
   * A version with its provenance, signed by the environment's current bundle key. The caller computes the digest of a set, because
   * it has all documents; it is only as good as the caller, who could as well export each document alone.
   *
   * Throws `not_found`, `invalid` for an incomplete set, `conflict` (`key_retired`) for a bundle whose key was retired, `data_loss` for
   * one that is damaged, and `signing_failed`.
   */
  async export(caller: Principal, path: EnvironmentPath, version: number, given: GivenSet): Promise<ExportedBundle> {
    checkSet(given);
    const { store, verifier, ring, signers, server } = this.deps;
    const { read } = store;
    const environment = await visibleEnvironment(read, caller, path);
    const state = await read.bundle(environment.id, version);
    const content = state === null ? null : await read.content(state.bundle.contentId);
    if (state === null || content === null) throw notFound("bundle");
    await verifier.requireUsableKey(read, state.bundle);
    // Also a key that vouches for the bundle's own, so it must not vouch for a damaged one.
    await verifier.require(state.bundle, content, environment);
    const documentKey = await ring.ofBundle(state.bundle);
    const organization = await read.organization(environment.orgId);
    const project = await read.project(environment.orgId, environment.projectId);
    if (documentKey === null || organization === null || project === null) throw notFound("bundle");
    const document = documentOf(state.bundle, content);
    const bytes = Buffer.from(document);
    const sha256 = await documentSha256(bytes);
    const { rows, total } = await read.deploymentsOfBundle(state.bundle.id, MAX_PROVENANCE_DEPLOYMENTS);
    const provenance: Provenance = {
      server,
      organization: tenantOf(organization),
      project: tenantOf(project),
      environment: environmentOf(environment),
      bundle: bundleOf(state),
      document: { sha256, size: bytes.length, key: documentKey },
      deployments: rows.map(deploymentOf),
      deploymentsTotal: total,
      set: setOf(given, sha256),
    };
    const signer = signers.bundles(organization, environment);
    const payload = formatProvenance(provenance);
    const envelope = await signEnvelope(PROVENANCE_TYPE, payload, signer, parsePublicKey(signer.publicKeyPem));
    return { document, provenance: envelope };
  }
}

function checkSet({ digest, position, size }: GivenSet): void {
  const parts = [digest, position, size].filter((part) => part !== null).length;
  if (parts !== 0 && parts !== 3) {
    throw invalidField(["set_digest"], "set_digest, set_position and set_size go together", "incomplete", "query");
  }
  if ((position ?? 1) > (size ?? 1)) {
    throw invalidField(["set_position"], "must be at most set_size", "too_large", "query");
  }
}

function setOf({ digest, position, size }: GivenSet, sha256: string): ExportSet {
  return digest === null
    ? { digest: setDigest([sha256]), position: 1, size: 1 }
    : { digest, position: position ?? 1, size: size ?? 1 };
}

function tenantOf({ id, name, slug }: Organization | Project): OriginTenant {
  return { id, name, slug };
}

function environmentOf({ id, name }: Environment): Provenance["environment"] {
  return { id, name };
}

function bundleOf({ bundle, isActive }: BundleState): OriginBundle {
  const { id, version, policyHash, publishedAt, publishedBy, title, description, labels, source, origin } = bundle;
  const { mediaType } = bundle;
  return {
    id,
    version,
    policyHash,
    publishedAt,
    publishedBy,
    title,
    description,
    labels,
    source,
    origin,
    mediaType,
    isActive,
  };
}

function deploymentOf(deployment: Deployment): OriginDeployment {
  const { id, sequence, kind, fromVersion, reason, actor, performedBy, at } = deployment;
  const { name = null } = performedBy ?? {};
  return { id, sequence, kind, fromVersion, reason, actor: { prefix: actor, name }, at };
}
