import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { changeHeaders, SignetError, type SignetClient } from "../../../src/sdk/index.js";
import type { ModelNode } from "./node.js";

/** How calls ended. */
export class CallCounts {
  acknowledged = 0;
  /** The state did not allow it. */
  refused = 0;
  /** Tries without an answer that says whether it was done; each was repeated with its Idempotency-Key until there was one. */
  unknown = 0;
  /** Never answered. */
  unsettled = 0;
  /** Answers that no caller should see. */
  readonly unexpected: string[] = [];
}

/** What has no answer, or one that says nothing of the outcome. */
const REPEATED = new Set(["unavailable", "timeout", "cancelled"]);
const PAUSE_MS = 250;

/** A call and its headers, made again in the same way. */
export type Call<T> = (client: SignetClient, headers: Record<string, string>) => Promise<T>;

/** What was acknowledged, and how to ask for it again. */
export interface Settled<T> {
  readonly answer: T;
  /** With those before it that were not answered, and may be carried out later. */
  readonly tries: number;
  readonly again: (node: ModelNode) => Promise<T>;
}

/** Calls a node that `pick` names, and again by the same key until the call is answered or given up. Null when it was refused, or given up. */
export async function settle<T>(
  call: Call<T>,
  pick: () => ModelNode,
  counts: CallCounts,
  givenUp: AbortSignal,
): Promise<Settled<T> | null> {
  const headers = changeHeaders({ idempotencyKey: randomUUID() });
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await call(pick().client(), headers);
      counts.acknowledged += 1;
      return { answer, tries, again: (node) => call(node.client(), headers) };
    } catch (thrown) {
      if (!(thrown instanceof SignetError)) throw thrown;
      const { code, reason } = thrown;
      if (!REPEATED.has(code) && reason !== "idempotency_key_in_flight") {
        if (code === "internal" || code === "unauthenticated") counts.unexpected.push(`${code}: ${thrown.message}`);
        counts.refused += 1;
        return null;
      }
      counts.unknown += 1;
      if (givenUp.aborted) {
        counts.unsettled += 1;
        return null;
      }
      await sleep(PAUSE_MS);
    }
  }
}
