import type { BundleImport, TrustedOrigin } from "../core/transfer.js";
import type { Deployment } from "../core/bundle.js";
import type { Listed } from "./page.js";

/** Reads of trusted origins and imports. Look-ups answer null for what is not there. */
export interface TransferReader {
  /** By name; all of an organization. */
  trustedOrigins(orgId: string): Promise<readonly TrustedOrigin[]>;
  /** The import of a bundle. */
  bundleImport(bundleId: string): Promise<BundleImport | null>;
  /** The bundle that was imported from a document, by the digest of its bytes. */
  importedBundleId(environmentId: string, documentSha256: string): Promise<string | null>;
  /** The activations of one bundle, newest first, at most `limit`. */
  deploymentsOfBundle(bundleId: string, limit: number): Promise<Listed<Deployment>>;
}

/** Writes of trusted origins and imports. */
export interface TransferWriter extends TransferReader {
  /** Throws `conflict` when the name is taken. */
  insertTrustedOrigin(origin: TrustedOrigin): Promise<void>;
  /** What was imported from it stays. */
  deleteTrustedOrigin(id: string): Promise<void>;
  /** After its bundle. Throws `conflict` when the environment has the document already. */
  insertBundleImport(imported: BundleImport): Promise<void>;
}
