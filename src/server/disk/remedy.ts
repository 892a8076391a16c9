import type { AppError } from "../../core/error.js";

/** By the code of SQLite or of the system. A full disk is not among them: DiskWatch tells of it. */
const REMEDIES: readonly (readonly [code: RegExp, remedy: string])[] = [
  [
    /^(SQLITE_READONLY|EROFS|EACCES|EPERM)/,
    "the file system is mounted read-only (EROFS) or the files of the data directory belong to another user: " +
      "see mount and the kernel's log (dmesg), make it writable, and check owners with signet doctor",
  ],
  [
    /^(SQLITE_IOERR|EIO)/,
    "the system reports an I/O error of the disk (EIO), or a file system that became read-only (EROFS): " +
      "see the kernel's log (dmesg), save the data directory, and replace the disk",
  ],
  [
    /^(SQLITE_CANTOPEN|EMFILE|ENFILE|ENOENT)/,
    "check that the data directory is mounted, belongs to this user, and that the limit of open files is high enough",
  ],
];

/** What an operator does about a disk that takes no changes; null for a database that is busy, slow or closed. */
export function remedyFor({ cause }: AppError): string | null {
  const { code } = (cause ?? {}) as { code?: unknown };
  if (typeof code !== "string") return null;
  for (const [pattern, remedy] of REMEDIES) if (pattern.test(code)) return remedy;
  return null;
}
