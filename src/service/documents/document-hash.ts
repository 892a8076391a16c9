import { createHash } from "node:crypto";
import { documentHead, documentTail, type DocumentParts } from "../../bundle/document.js";
import { nextTurn } from "../../core/schedule/in-steps.js";

/** UTF-16 units that are hashed in one turn of the event loop, in about a millisecond. */
const STEP = 256 * 1024;

/** The hash of a document that has no number yet. */
export interface DocumentHash {
  /** SHA-256 of the document's bytes with a number, 64 hex digits. */
  of(bundleVersion: number): string;
}

/**
 * Hashes a document up to its number, which the transaction assigns that keeps it: what is left for that is small, whatever the size of the
 * document. A large one is hashed in turns.
 */
export async function hashDocument({ keyId, ...parts }: Omit<DocumentParts, "bundleVersion">): Promise<DocumentHash> {
  const hash = createHash("sha256");
  const head = documentHead(parts);
  for (let start = 0; start < head.length;) {
    if (start > 0) await nextTurn();
    const end = endOfStep(head, start + STEP);
    hash.update(head.slice(start, end), "utf8");
    start = end;
  }
  return { of: (bundleVersion) => hash.copy().update(documentTail({ bundleVersion, keyId })).digest("hex") };
}

/** Not between the halves of a character. */
function endOfStep(text: string, end: number): number {
  const isSplit = end < text.length && /[\ud800-\udbff]/.test(text.charAt(end - 1));
  return isSplit ? end - 1 : end;
}
