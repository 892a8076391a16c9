import { createHash } from "node:crypto";
import { parseDocument } from "../../bundle/parse-document.js";
import { partsOf, requireExported } from "../../bundle/envelope/exported-version.js";
import type { Provenance } from "../../bundle/envelope/provenance.js";
import { VerificationError } from "../../bundle/verification-error.js";
import { OPA_POLICIES } from "../../core/bundle.js";
import { AppError } from "../../core/error.js";
import type { ImportedDocument } from "../../core/transfer.js";
import { verifyKeptDocument } from "./kept-document.js";
import { promoteContent, readPolicyContent, type PolicyContent } from "./policy-content.js";

/** An imported document that verified. */
export interface OpenedImport {
  /** As it is published here. */
  readonly content: PolicyContent;
  /** The fields of the original. */
  readonly document: ImportedDocument;
  /** The original texts, where those of `content` differ. */
  readonly policies: string | null;
  readonly scopePolicies: string | null;
}

/**
 * Verifies a document against its verified provenance, and reads its content for the environment `toEnvironment`: scope policies that
 * name the exporting environment then name that one, as after a promotion.
 *
 * @throws AppError `invalid` (`not_verified`) for a document that is not the exported one or whose signatures do not verify; `invalid`
 *   as rewriteScopePolicies, and as readPolicyContent for policies of kind OPA
 */
export function openImport(text: string, provenance: Provenance, toEnvironment: string): OpenedImport {
  const { sha256, size, key } = provenance.document;
  const bytes = Buffer.from(text);
  if (bytes.length !== size || createHash("sha256").update(bytes).digest("hex") !== sha256) {
    throw notVerified("the document is not the exported one: a byte was changed");
  }
  try {
    const parsed = parseDocument(text);
    requireExported(text, parsed, provenance);
    const verified = verifyKeptDocument(text, key.bytes);
    if (typeof verified === "string") throw notVerified(`the document is not what was signed: ${verified}`);
    const { policiesText: policies, scopePoliciesText: scopePolicies } = parsed;
    const content = promoteContent({ id: "", policies, scopePolicies }, provenance.environment.name, toEnvironment);
    // The origin vouches for the bytes; that they are what this server takes for Rego, this server checks.
    if (provenance.bundle.mediaType === OPA_POLICIES) readPolicyContent(policies, scopePolicies, OPA_POLICIES);
    return {
      content,
      document: partsOf(parsed.document),
      policies: content.content.policies === policies ? null : policies,
      scopePolicies: content.content.scopePolicies === scopePolicies ? null : scopePolicies,
    };
  } catch (thrown) {
    if (thrown instanceof VerificationError) throw notVerified(`the document: ${thrown.message}`);
    throw thrown;
  }
}

/** The refusal of what does not verify. */
export function notVerified(message: string): AppError {
  return new AppError("invalid", message, { reason: "not_verified" });
}
