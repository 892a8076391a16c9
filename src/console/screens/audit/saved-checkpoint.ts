import { openCheckpoint, type OpenedCheckpoint } from "../../../bundle/log/checkpoint.js";
import { decodeBase64 } from "../../../bundle/base64.js";
import { LogError } from "../../../bundle/log/log-error.js";
import { verifyConsistency, type Hash } from "../../../bundle/log/merkle.js";
import { orgOfOrigin } from "../../../bundle/log/origin.js";
import type { Verifier } from "../../../bundle/signer.js";

/** What a browser keeps between visits: a checkpoint that it verified, and when. */
export interface SavedCheckpoint {
  /** The signed note. */
  readonly note: string;
  /** ISO 8601. */
  readonly savedAt: string;
}

/** A store of texts, such as localStorage, which may refuse. */
export type TextStore = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const nameOf = (orgId: string) => `signet.audit-checkpoint.${orgId}`;

/** The checkpoint of the last visit; null without one. The store is of this origin, and so is what it says of the server. */
export function readSaved(store: TextStore, orgId: string): SavedCheckpoint | null {
  try {
    const saved = JSON.parse(store.getItem(nameOf(orgId)) ?? "null") as Partial<SavedCheckpoint> | null;
    const isWhole = typeof saved?.note === "string" && typeof saved.savedAt === "string";
    return isWhole ? (saved as SavedCheckpoint) : null;
  } catch {
    return null;
  }
}

/** Keeps a checkpoint. Whether the browser took it. */
export function writeSaved(store: TextStore, orgId: string, saved: SavedCheckpoint): boolean {
  try {
    store.setItem(nameOf(orgId), JSON.stringify(saved));
    return true;
  } catch {
    return false;
  }
}

/** Forgets it. */
export function forgetSaved(store: TextStore, orgId: string): void {
  store.removeItem(nameOf(orgId));
}

/** Verifies a note as a checkpoint of the organization's log. Throws LogError. */
export async function openOwn(
  note: string,
  orgId: string,
  keys: readonly Uint8Array[],
  verifier: Verifier,
): Promise<OpenedCheckpoint> {
  const opened = await openCheckpoint(note, keys, verifier);
  if (orgOfOrigin(opened.origin) !== orgId) throw new LogError("wrong_origin", `it is of the log ${opened.origin}`);
  return opened;
}

/** What became of a log since a checkpoint was kept. */
export type Growth =
  | { readonly kind: "same" | "grown" }
  /** The server says that it lost events; none of them was in the kept checkpoint. */
  | { readonly kind: "new_origin" }
  | { readonly kind: "shorter" | "inconsistent" | "history_lost" };

/** Whether the log of `newer` begins with that of `older`, by the proof that the server gave. */
export function growthOf(older: OpenedCheckpoint, newer: OpenedCheckpoint, proof: readonly string[]): Growth {
  if (newer.size < older.size) return { kind: "shorter" };
  const hashes: (Hash | undefined)[] = proof.map((text) => decodeBase64(text));
  const isSameOrigin = newer.origin === older.origin;
  const isConsistent = hashes.every((hash) => hash !== undefined) && verifyConsistency(older, newer, hashes);
  if (!isConsistent) return { kind: isSameOrigin ? "inconsistent" : "history_lost" };
  if (!isSameOrigin) return { kind: "new_origin" };
  return { kind: newer.size === older.size ? "same" : "grown" };
}
