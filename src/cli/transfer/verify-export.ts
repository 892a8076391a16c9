import { requireExported, verifyProvenance } from "../../bundle/envelope/exported-version.js";
import { nobleVerifier } from "../../bundle/ed25519-noble.js";
import { parseDocument } from "../../bundle/parse-document.js";
import { line } from "../../core/printable.js";
import { VerificationError, verifyDocument, type ExpectedIdentity, type PublicKey } from "../../sdk/index.js";
import type { Shell } from "../shell/shell.js";
import { formatTable, type Column } from "../shell/table.js";
import { openExportFile } from "./export-file.js";

/** A version that verified. */
interface VerifiedVersion {
  readonly org_id: string;
  readonly project_id: string;
  readonly environment: string;
  readonly version: number;
  readonly policy_hash: string;
  readonly bundle_id: string;
  /** The key that signed the document. */
  readonly document_key_id: string;
  /** The trusted key that signed the provenance. */
  readonly key_id: string;
}

const COLUMNS: readonly Column<VerifiedVersion>[] = [
  ["VERSION", ({ version }) => version],
  ["ENVIRONMENT", ({ environment }) => environment],
  ["PROJECT ID", ({ project_id }) => project_id],
  ["POLICY HASH", ({ policy_hash }) => policy_hash],
  ["SIGNED BY", ({ key_id }) => key_id],
];

/**
 * Verifies an export without a server: the structure and digests of the file, each provenance by the trusted keys, and each document by
 * the key that its provenance names.
 *
 * Throws CheckFailedError and VerificationError.
 */
export async function verifyExport(
  shell: Shell,
  path: string,
  trusted: readonly PublicKey[],
  expected: ExpectedIdentity,
): Promise<void> {
  await using file = await openExportFile(path);
  const versions: VerifiedVersion[] = [];
  for (const [index, exported] of file.versions.entries()) {
    if (file.versions.length > 1) shell.progress(`verifying version ${index + 1} of ${file.versions.length}`);
    const { provenance, signer } = await verifyProvenance(exported.provenance, trusted, nobleVerifier);
    const text = await exported.document();
    requireExported(text, parseDocument(text), provenance);
    const { bundle, environment, organization, project } = provenance;
    const verified = await verifyDocument(text, [provenance.document.key], expected);
    versions.push({
      org_id: organization.id,
      project_id: project.id,
      environment: environment.name,
      version: bundle.version,
      policy_hash: bundle.policyHash,
      bundle_id: bundle.id,
      document_key_id: verified.keyId,
      key_id: signer.keyId,
    });
  }
  if (versions.length === 0) throw new VerificationError("malformed", "the export has no version");
  shell.answer(
    () => JSON.stringify({ valid: true, versions }),
    () => line`verified: ${versions.length} exported, all signed\n` + formatTable(versions, COLUMNS, shell.tableStyle),
  );
}
