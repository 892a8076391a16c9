import { formatDocument } from "../../bundle/document.js";
import { parseEnvelope } from "../../bundle/envelope/dsse.js";
import { MAX_PROVENANCE_LENGTH, parseProvenance } from "../../bundle/envelope/provenance.js";
import { VerificationError } from "../../bundle/verification-error.js";
import { AppError, notFound } from "../../core/error.js";
import type { Principal } from "../../core/token.js";
import type { Store } from "../../store/store.js";
import { visibleEnvironment, type EnvironmentPath } from "../access/access.js";
import { documentSha256 } from "./document-sha256.js";
import type { ImportOrigin } from "./importing.js";

/** The origin of an imported bundle, and the original. */
export interface KeptOrigin {
  readonly origin: ImportOrigin;
  /** The original document, byte for byte. */
  readonly document: string;
  /** The envelope. */
  readonly provenance: string;
}

/** Look-ups of the origins of imported bundles. */
export class Origins {
  constructor(private readonly deps: { readonly store: Pick<Store, "read"> }) {}

  /**
   * Throws `not_found` for a version that does not exist or was not imported, and `data_loss` when the kept original is not what was
   * imported.
   */
  async get(caller: Principal, path: EnvironmentPath, version: number): Promise<KeptOrigin> {
    const { read } = this.deps.store;
    const environment = await visibleEnvironment(read, caller, path);
    const state = await read.bundle(environment.id, version);
    const content = state === null ? null : await read.content(state.bundle.contentId);
    if (state === null || content === null) throw notFound("bundle");
    const imported = await read.bundleImport(state.bundle.id);
    if (imported === null) throw new AppError("not_found", `version ${version} was not imported`);
    const document = formatDocument({
      ...imported.document,
      policiesText: imported.policies ?? content.policies,
      scopePoliciesText: imported.scopePolicies ?? content.scopePolicies,
    });
    if ((await documentSha256(Buffer.from(document))) !== imported.documentSha256) {
      throw new AppError("data_loss", `the original of version ${version} differs from what was imported`);
    }
    const { originName, keyId, importedAt, importedBy, provenance } = imported;
    const origin = { originName, keyId, importedAt, importedBy, provenance: readProvenance(provenance) };
    return { origin, document, provenance };
  }
}

function readProvenance(envelope: string) {
  try {
    const bounds = { maxLength: MAX_PROVENANCE_LENGTH, maxSignatures: 32 };
    return parseProvenance(parseEnvelope(envelope, bounds).payload);
  } catch (cause) {
    if (!(cause instanceof VerificationError)) throw cause;
    throw new AppError("data_loss", "the provenance differs from what was imported", { cause });
  }
}
