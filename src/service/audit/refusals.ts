import type { Clock } from "../../core/clock.js";
import type { AppErrorCode } from "../../core/error.js";
import { inChunks } from "../../core/schedule/in-steps.js";
import type { KnownToken } from "../../core/token.js";
import type { Store, Writer } from "../../store/store.js";
import type { Audit } from "./audit.js";

interface Count {
  readonly token: KnownToken;
  readonly operation: string;
  readonly minute: string;
  readonly codes: Set<string>;
  count: number;
}

/** Counters between two writes; beyond this only existing ones continue to count. */
const MAX_PENDING = 10_000;

/** Events in one write: they hold up the writes of all nodes, and whoever has many tokens decides how many there are. */
const EVENTS_PER_WRITE = 50;

/**
 * Counts refused attempts of known tokens by token, operation and minute, with one audit event for each, so that a misbehaving token
 * cannot fill the audit log.
 */
export class Refusals {
  readonly #pending = new Map<string, Count>();

  constructor(private readonly deps: { readonly store: Store; readonly audit: Audit; readonly clock: Clock }) {}

  /** Counts one refusal. */
  count(token: KnownToken, operation: string, code: AppErrorCode): void {
    const minute = this.deps.clock.now().toISOString().slice(0, 16);
    const key = `${token.tokenId} ${operation} ${minute}`;
    const counted = this.#pending.get(key);
    if (counted !== undefined) {
      counted.count += 1;
      counted.codes.add(code);
    } else if (this.#pending.size < MAX_PENDING) {
      const { orgId, tokenId, tokenName, keyPrefix, keyType } = token;
      const known = { orgId, tokenId, tokenName, keyPrefix, keyType };
      this.#pending.set(key, { token: known, operation, minute, codes: new Set([code]), count: 1 });
    }
  }

  /** Writes the counts of past minutes, with `all` of the current one too. Called every few seconds and at shutdown. */
  async flush(all = false): Promise<void> {
    const now = this.deps.clock.now().toISOString().slice(0, 16);
    const due = [...this.#pending].filter(([, entry]) => all || entry.minute !== now);
    await inChunks(due, EVENTS_PER_WRITE, async (chunk) => {
      await this.deps.store.write(async (tx) => {
        for (const [, entry] of chunk) await this.#record(tx, entry);
      });
      for (const [key] of chunk) this.#pending.delete(key);
    });
  }

  async #record(tx: Writer, { token, operation, minute, codes, count }: Count): Promise<void> {
    await this.deps.audit.record(tx, token.orgId, token, {
      action: "access.refused",
      resourceType: "operation",
      resourceId: operation,
      metadata: { codes: [...codes].sort(), count, minute: `${minute}:00.000Z` },
    });
  }
}
