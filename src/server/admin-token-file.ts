import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import { AppError } from "../core/error.js";
import { readSecretFile, writeSecretFile } from "../service/keys/secret-file.js";
import { flush } from "../store/sqlite/flush.js";
import type { KeptKey } from "../service/tokens/kept-key.js";
import { hashRawKey } from "../service/tokens/raw-key.js";
import type { Reader } from "../store/store.js";

/** The file of a data directory that holds its generated admin token. */
export function adminTokenFile(dataDirectory: string): string {
  return join(dataDirectory, "admin-token");
}

/** The file that a rotation writes before its commit: the successor of adminTokenFile. */
function nextTokenFile(dataDirectory: string): string {
  return `${adminTokenFile(dataDirectory)}.next`;
}

/** Writes a generated admin token, readable by the owner alone. A successor that a crash left is not needed any more. */
export function keepAdminToken(dataDirectory: string, rawKey: string): void {
  writeSecretFile(adminTokenFile(dataDirectory), `${rawKey}\n`);
  rmSync(nextTokenFile(dataDirectory), { force: true });
}

/**
 * Keeps a generated admin token that is not committed yet beside the file. settleAdminToken then puts it in its place if its key works,
 * and removes it if another node was faster.
 */
export function prepareAdminToken(dataDirectory: string, rawKey: string): void {
  writeSecretFile(nextTokenFile(dataDirectory), `${rawKey}\n`);
}

/** The admin token file of a data directory, for rotations. */
export function adminTokenIn(dataDirectory: string, log: Pick<Logger, "error">): KeptKey {
  return {
    holds(hash) {
      try {
        if (keyHashIn(nextTokenFile(dataDirectory)) === hash) replace(dataDirectory);
        return keyHashIn(adminTokenFile(dataDirectory)) === hash;
      } catch (thrown) {
        // Not a file of this server's: a link, or another user's.
        log.error({ err: thrown, file: adminTokenFile(dataDirectory) }, "the admin token file cannot be read");
        return false;
      }
    },
    prepare(rawKey) {
      try {
        prepareAdminToken(dataDirectory, rawKey);
      } catch (cause) {
        const message = "the admin token file of the data directory cannot be written, so its token is not rotated";
        throw new AppError("unavailable", message, { cause });
      }
    },
    replace() {
      try {
        replace(dataDirectory);
        return true;
      } catch (thrown) {
        const next = nextTokenFile(dataDirectory);
        log.error({ err: thrown, next }, "the admin token file cannot be replaced; the next rotation or start does it");
        return false;
      }
    },
  };
}

/**
 * Ends what a rotation or a first start began before the process ended: a successor whose key works takes the place of the file, one that
 * was never committed is removed. Does nothing without one. Called before the server listens.
 */
export async function settleAdminToken(dataDirectory: string, read: Pick<Reader, "tokenByHash">): Promise<void> {
  const hash = keyHashIn(nextTokenFile(dataDirectory));
  if (hash === null) return;
  const token = await read.tokenByHash(hash);
  if (token?.hash === hash && token.revokedAt === null) replace(dataDirectory);
  else rmSync(nextTokenFile(dataDirectory), { force: true });
}

/** The SHA-256 of the key in a file; null when there is none. */
function keyHashIn(file: string): string | null {
  const text = readSecretFile(file);
  return text === null ? null : hashRawKey(text.trim());
}

function replace(dataDirectory: string): void {
  renameSync(nextTokenFile(dataDirectory), adminTokenFile(dataDirectory));
  flush(dataDirectory);
}
