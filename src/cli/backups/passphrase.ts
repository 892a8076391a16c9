import type { PassphraseOf } from "../shell/prompt.js";

/** The part of a command's help about the passphrase of keys. */
export const PASSPHRASE_HELP = `
The passphrase of the keys comes from SIGNET_BACKUP_PASSPHRASE, from the file that SIGNET_BACKUP_PASSPHRASE_FILE names, or is asked for.
It has 12 to 1,024 characters. Without it nobody can read the keys of the backup: keep it apart.`;

/** The passphrase of a backup's keys. */
export const OF_BACKUP: PassphraseOf = { what: "the backup", variable: "SIGNET_BACKUP_PASSPHRASE" };
