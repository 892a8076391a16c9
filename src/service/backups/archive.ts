/** The files of a backup, in their order. The keys are there only on request. */
export const MEMBERS = {
  database: "signet.db",
  /** The private keys, encrypted (sealed-keys.ts). */
  keys: "keys.enc",
  manifest: "manifest.json",
  /** The hash of each file before it, for `sha256sum --check`. */
  sums: "SHA256SUMS",
} as const;

/** The largest of the files that are read into memory. */
export const MAX_SMALL_BYTES = 8 * 1024 * 1024;

/** A file of a backup with its hash, in the form of `sha256sum`. */
export function sumLine(name: string, sha256: string): string {
  return `${sha256}  ${name}\n`;
}

/** The permissions of each member: a backup is for its owner alone. */
export const MEMBER_MODE = 0o600;
