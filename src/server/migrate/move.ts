import { systemClock } from "../../core/clock.js";
import { createAudit, type AuditEntry } from "../../service/audit/audit.js";
import { KeyRing } from "../../service/keys/key-ring.js";
import type { VerifyingKeys } from "../../service/keys/key-files.js";
import { notFound } from "../../core/error.js";
import type { Config } from "../../config/config.js";
import type { MoveMark } from "../../store/move-mark.js";
import type { PostgresOptions } from "../../store/postgres/options.js";
import type { Writer } from "../../store/store.js";
import { differing, type TableSum } from "./copy-tables.js";
import type { MoveWatch } from "./progress.js";
import type { Verified } from "./verify-moved.js";

/** The settings that a move uses. */
export type MoveConfig = Pick<
  Config,
  "data" | "signingKey" | "nextSigningKey" | "keySecret" | "synchronous" | "nativeDirectory" | "upgradeCopy"
>;

/** From where to where, and who watches. */
export interface MoveOptions extends MoveWatch {
  readonly config: MoveConfig;
  readonly database: PostgresOptions;
  /** Told what else the operator should know. */
  readonly onNotice: (text: string) => void;
}

/** A move that ended well. */
export interface Moved {
  readonly id: string;
  /** For a person: no secrets. */
  readonly from: string;
  readonly to: string;
  readonly rows: number;
  readonly tables: readonly TableSum[];
  /** Null for what an earlier run of the same move had copied and verified. */
  readonly verified: Verified | null;
}

/** The audit event of the target, in the transaction that completes it. */
export async function recordMove(
  tx: Writer,
  keys: VerifyingKeys,
  mark: MoveMark,
  facts: { readonly from: "sqlite" | "postgres"; readonly to: "sqlite" | "postgres"; readonly rows: number },
): Promise<void> {
  await recordInOperator(tx, keys, {
    ...{ action: "server.migrated", resourceType: "server", resourceId: mark.id },
    metadata: { ...facts, moved_from: mark.other },
  });
}

/** Appends an event to the audit of the operator's organization, as `operator`. */
export async function recordInOperator(tx: Writer, keys: VerifyingKeys, entry: AuditEntry): Promise<void> {
  const operator = await tx.operatorOrganization();
  if (operator === null) throw notFound("organization of the operator");
  const store = { read: tx };
  const ring = new KeyRing({ store, keys });
  await createAudit({ store, clock: systemClock, signer: keys.audit, ring }).record(tx, operator.id, "operator", entry);
}

/** The rows of all tables. */
export function rowsOf(tables: readonly TableSum[]): number {
  return tables.reduce((sum, { rows }) => sum + rows, 0);
}

/** What verifying goes through. */
export function totalsOf(tables: readonly TableSum[]): { readonly auditEvents: number; readonly environments: number } {
  const rows = (name: string) => tables.find((it) => it.name === name)?.rows ?? 0;
  return { auditEvents: rows("audit_events"), environments: rows("environments") };
}

/** Whether both databases have the same rows. */
export function areSame(these: readonly TableSum[], those: readonly TableSum[]): boolean {
  return differing(these, those) === null;
}
