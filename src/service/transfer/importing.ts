import { verifyProvenance } from "../../bundle/envelope/exported-version.js";
import type { Provenance } from "../../bundle/envelope/provenance.js";
import type { PublicKey } from "../../bundle/keys.js";
import { VerificationError } from "../../bundle/verification-error.js";
import type { BundleState } from "../../core/bundle.js";
import { instantOf, type Clock } from "../../core/clock.js";
import { AppError } from "../../core/error.js";
import type { Environment } from "../../core/organization.js";
import type { BundleImport, TrustedOrigin } from "../../core/transfer.js";
import type { Reader, Store, Writer } from "../../store/store.js";
import { requireChangeable, visibleEnvironment, type EnvironmentPath } from "../access/access.js";
import type { ChangeRequest } from "../access/caller.js";
import { actorOf } from "../audit/audit.js";
import { checkNotHeld, checkQuota, checkSequence, nextVersion } from "../bundles/activation.js";
import type { BundleDescription, BundleWriter } from "../bundles/bundle-writer.js";
import type { PolicySchemas } from "../bundles/policy-schemas.js";
import type { Outbox } from "../changes/outbox.js";
import { retryOnConflict } from "../changes/retry-on-conflict.js";
import type { Wakeups } from "../changes/wakeups.js";
import type { Documents } from "../documents/documents.js";
import { notVerified, type OpenedImport } from "../documents/imported-document.js";
import { nodeVerifier } from "../keys/ed25519-node.js";
import type { ReleaseRules } from "../trust/release-rules.js";
import { originKeys } from "./trusted-origins.js";

/** The input of an import. */
export interface ImportInput {
  /** JSON text, byte for byte as it was exported. */
  readonly document: string;
  /** JSON text of the envelope. */
  readonly provenance: string;
  readonly activate: boolean;
  readonly dryRun: boolean;
  readonly reason: string | null;
  readonly importedBy: string | null;
}

/** The origin of an import, as it was signed. */
export interface ImportOrigin {
  readonly originName: string;
  /** The key that signed the provenance. */
  readonly keyId: string;
  readonly provenance: Provenance;
  /** Null before the import. */
  readonly importedAt: string | null;
  readonly importedBy: string | null;
}

/** The result of an import. */
export interface ImportOutcome {
  /** Null when a dry run would make a version. */
  readonly state: BundleState | null;
  readonly alreadyImported: boolean;
  readonly scopePoliciesRewritten: boolean;
  readonly origin: ImportOrigin;
  /** How many further versions the plan allows; null is unlimited. */
  readonly versionsLeft: number | null;
}

/** An import whose every part verified. */
interface Verified {
  readonly origin: TrustedOrigin;
  readonly signer: PublicKey;
  readonly provenance: Provenance;
  readonly opened: OpenedImport;
}

/** Imports exported bundles from trusted origins. */
export class Importing {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly documents: Documents;
      readonly schemas: Pick<PolicySchemas, "require">;
      readonly releaseRules: Pick<ReleaseRules, "authorize">;
      readonly writer: BundleWriter;
      readonly wakeups: Wakeups;
      readonly outbox: Outbox;
    },
  ) {}

  /**
   * Publishes an exported document as the next version of an environment, signed here, and keeps its origin. A document that the
   * environment has already changes nothing.
   *
   * Throws `invalid` with the reason `untrusted_origin` when no trusted key signed the provenance, or `not_verified` when anything else
   * does not verify; otherwise as a publication.
   */
  async import(caller: ChangeRequest, path: EnvironmentPath, input: ImportInput): Promise<ImportOutcome> {
    const { store, wakeups, outbox } = this.deps;
    const seen = await this.#changeable(store.read, caller, path);
    const verified = await this.#verified(caller, seen, input);
    const known = await this.#known(store.read, seen, verified);
    if (known !== null) return known;
    if (input.dryRun) return await this.#dryRun(seen, caller, verified, input.activate);
    const outcome = await retryOnConflict(() => this.#importOnce(caller, path, verified, input));
    if (outcome.state?.isActive === true && !outcome.alreadyImported) wakeups.wake(outcome.state.bundle.environmentId);
    outbox.committed();
    return outcome;
  }

  async #dryRun(
    environment: Environment,
    caller: ChangeRequest,
    verified: Verified,
    activate: boolean,
  ): Promise<ImportOutcome> {
    const { store, schemas, releaseRules } = this.deps;
    const { read } = store;
    const { canonical } = verified.opened.content;
    await schemas.require(caller.principal, environment.projectId, verified.opened.content.content);
    checkSequence(environment, caller.ifSequence);
    await checkQuota(read, environment);
    nextVersion(environment);
    if (activate) {
      checkNotHeld(environment);
      const { mediaType } = verified.provenance.bundle;
      await releaseRules.authorize(read, environment, { policyHash: canonical.policyHash, mediaType });
    }
    return await this.#outcome(read, environment, verified, null, null);
  }

  /** Null if the project's schema changed since the content was checked. */
  async #importOnce(
    caller: ChangeRequest,
    path: EnvironmentPath,
    verified: Verified,
    input: ImportInput,
  ): Promise<ImportOutcome | null> {
    const { store, writer, clock, schemas } = this.deps;
    const { origin, signer, opened, provenance } = verified;
    const seen = await this.#changeable(store.read, caller, path);
    await checkQuota(store.read, seen);
    const schemaHash = await schemas.require(caller.principal, path.projectId, opened.content.content);
    const draft = await writer.sign(seen, opened.content, descriptionOf(provenance, input.importedBy));
    return await store.write(async (tx) => {
      const environment = await this.#changeable(tx, caller, path);
      // Another call may have imported it since.
      const known = await this.#known(tx, environment, verified);
      if (known !== null) return known;
      await requireTrusted(tx, environment.orgId, signer);
      if ((await tx.policySchemaHash(path.projectId)) !== schemaHash) return null;
      checkSequence(environment, caller.ifSequence);
      const from = { name: origin.name, keyId: signer.keyId, provenance };
      const state = await writer.importIn(tx, caller.principal, from, environment, draft, input);
      const imported: BundleImport = {
        bundleId: state.bundle.id,
        environmentId: environment.id,
        documentSha256: provenance.document.sha256,
        originName: origin.name,
        keyId: signer.keyId,
        provenance: input.provenance,
        document: opened.document,
        policies: opened.policies,
        scopePolicies: opened.scopePolicies,
        importedAt: instantOf(clock.now()),
        importedBy: actorOf(caller.principal),
      };
      await tx.insertBundleImport(imported);
      return await this.#outcome(tx, environment, verified, state, imported);
    });
  }

  /** The outcome for a document that the environment has already; null when it has not. */
  async #known(reader: Reader, environment: Environment, verified: Verified): Promise<ImportOutcome | null> {
    const bundleId = await reader.importedBundleId(environment.id, verified.provenance.document.sha256);
    const bundle = bundleId === null ? null : await reader.bundleById(bundleId);
    const state = bundle === null ? null : await reader.bundle(environment.id, bundle.version);
    const imported = bundle === null ? null : await reader.bundleImport(bundle.id);
    if (state === null || imported === null) return null;
    return { ...(await this.#outcome(reader, environment, verified, state, imported)), alreadyImported: true };
  }

  async #outcome(
    reader: Reader,
    environment: Environment,
    { origin, signer, provenance, opened }: Verified,
    state: BundleState | null,
    imported: BundleImport | null,
  ): Promise<ImportOutcome> {
    return {
      state,
      alreadyImported: false,
      scopePoliciesRewritten: opened.content.canonical.policyHash !== opened.document.policyHash,
      origin: {
        originName: imported?.originName ?? origin.name,
        keyId: imported?.keyId ?? signer.keyId,
        provenance,
        importedAt: imported?.importedAt ?? null,
        importedBy: imported?.importedBy ?? null,
      },
      versionsLeft: await versionsLeft(reader, environment),
    };
  }

  async #verified(caller: ChangeRequest, environment: Environment, input: ImportInput): Promise<Verified> {
    const trusted = originKeys(await this.deps.store.read.trustedOrigins(environment.orgId));
    const keys = trusted.map(({ key }) => key);
    const { provenance, signer } = await verifyProvenance(input.provenance, keys, nodeVerifier).catch(refused);
    const origin = trusted.find(({ key }) => key.keyId === signer.keyId)?.origin;
    if (origin === undefined) throw untrusted(signer);
    const opened = await this.deps.documents.openImport(caller.principal, input.document, provenance, environment.name);
    return { origin, signer, provenance, opened };
  }

  async #changeable(reader: Reader, caller: ChangeRequest, path: EnvironmentPath): Promise<Environment> {
    const environment = await visibleEnvironment(reader, caller.principal, path);
    requireChangeable(caller.principal, environment.name);
    return environment;
  }
}

/** The description of an imported bundle: its original's, of the same kind, published by `importedBy`. */
function descriptionOf({ bundle }: Provenance, importedBy: string | null): BundleDescription {
  const { title, description, labels, source, mediaType } = bundle;
  return { publishedBy: importedBy, title, description, labels, source, origin: "import", mediaType };
}

async function requireTrusted(tx: Writer, orgId: string, signer: PublicKey): Promise<void> {
  const trusted = originKeys(await tx.trustedOrigins(orgId));
  if (!trusted.some(({ key }) => key.keyId === signer.keyId)) throw untrusted(signer);
}

async function versionsLeft(reader: Reader, environment: Environment): Promise<number | null> {
  const quota = (await reader.organization(environment.orgId))?.versionsPerEnvironment ?? null;
  return quota === null ? null : Math.max(0, quota - (await reader.countBundles(environment.id)));
}

function untrusted({ keyId }: PublicKey): AppError {
  return new AppError("invalid", `the key ${keyId} is not trusted any more`, { reason: "untrusted_origin" });
}

function refused(thrown: unknown): never {
  if (!(thrown instanceof VerificationError)) throw thrown;
  if (thrown.reason !== "unknown_key") throw notVerified(`the provenance: ${thrown.message}`);
  throw new AppError("invalid", `${thrown.message}: no trusted origin of this organization has it`, {
    reason: "untrusted_origin",
  });
}
