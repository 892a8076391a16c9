import { nextTurn } from "../../core/schedule/in-steps.js";
import { AppError } from "../../core/error.js";
import { checkPages, migrateCopy, openCopy, type DatabaseCopy } from "../../store/sqlite/open-copy.js";
import type { SqliteOptions } from "../../store/sqlite/connect.js";
import { hashOf } from "../audit/audit-form.js";
import { verifyChain } from "../audit/audit-verify.js";
import { KeyRing } from "../keys/key-ring.js";
import { verifyingKeys } from "../keys/verifying-keys.js";
import { MAX_LISTED_HEADS, type DatabaseFacts, type ListedHead, type ManifestKeys } from "./manifest.js";

/** Organizations of one read. */
const PAGE = 100;

/** How a database is checked. */
export interface CheckOptions {
  /** The server's public keys, which must have signed or endorsed what the audit chains have. */
  readonly keys: ManifestKeys;
  /** Brings an older schema to the newest one first: for a file that is the caller's to change. */
  readonly mayMigrate: boolean;
  /** Called with the organizations whose chain is verified, and all. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Checks a copied database: every page, by SQLite, and the audit chain of every organization. Returns what it contains; `schema` is
 * what it had before it was migrated. Blocks its thread.
 *
 * Throws `data_loss` that names what is wrong, and `conflict` for a newer schema.
 */
export async function checkDatabase(database: SqliteOptions, options: CheckOptions): Promise<DatabaseFacts> {
  const schema = checkPages(database);
  if (options.mayMigrate) await migrateCopy(database);
  await using copy = openCopy(database);
  const operator = await copy.read.operatorOrganization();
  if (operator === null) throw damaged("it has no organization");
  const auditHeads = await checkChains(copy, options);
  return { schema, counts: copy.counts(), operatorOrganization: operator.id, auditHeads };
}

async function checkChains(
  { read }: DatabaseCopy,
  { keys, onProgress, signal }: CheckOptions,
): Promise<readonly ListedHead[]> {
  const ring = new KeyRing({ store: { read }, keys: verifyingKeys(keys) });
  const heads: ListedHead[] = [];
  for (let offset = 0; ;) {
    const { rows, total } = await read.organizations({ limit: PAGE, offset });
    if (rows.length === 0) return heads;
    for (const { id: orgId } of rows) {
      signal?.throwIfAborted();
      const { valid, firstBroken, reason } = await verifyChain(read, ring, orgId);
      if (!valid) throw damaged(`event ${firstBroken ?? 0} of the audit of organization ${orgId}: ${reason ?? ""}`);
      const last = await read.auditHead(orgId);
      if (last !== null && heads.length < MAX_LISTED_HEADS) {
        heads.push({ orgId, number: last.id, hash: hashOf(last) });
      }
      offset += 1;
      onProgress?.(offset, total);
      await nextTurn();
    }
  }
}

function damaged(how: string): AppError {
  return new AppError("data_loss", `the database of the backup is damaged: ${how}`);
}
