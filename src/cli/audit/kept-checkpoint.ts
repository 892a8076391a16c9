import { decodeBase64 } from "../../bundle/base64.js";
import { nobleVerifier } from "../../bundle/ed25519-noble.js";
import { openCheckpoint, type OpenedCheckpoint } from "../../bundle/log/checkpoint.js";
import { LogError } from "../../bundle/log/log-error.js";
import { verifyConsistency, type Hash } from "../../bundle/log/merkle.js";
import type { NoteKey } from "../../bundle/log/note.js";
import { orgOfOrigin } from "../../bundle/log/origin.js";
import { SignetError, type PublicKey, type SignetClient } from "../../sdk/index.js";
import { CheckFailedError, InputError } from "../shell/cli-error.js";

/** A checkpoint that was verified, with its note. */
export interface VerifiedCheckpoint extends OpenedCheckpoint {
  readonly note: string;
}

/** Whom the command trusts to sign checkpoints. */
export interface LogTrust {
  readonly orgId: string;
  readonly keys: readonly PublicKey[];
  /** All of them must have cosigned. */
  readonly witnesses: readonly NoteKey[];
}

/** Verifies a note as a checkpoint of the organization's log. `where` names it in messages. Throws CheckFailedError. */
export async function verifyCheckpoint(note: string, where: string, trust: LogTrust): Promise<VerifiedCheckpoint> {
  const { orgId, keys, witnesses } = trust;
  try {
    const opened = await openCheckpoint(
      note,
      keys.map(({ bytes }) => bytes),
      nobleVerifier,
      witnesses,
    );
    if (orgOfOrigin(opened.origin) !== orgId) {
      throw new LogError("wrong_origin", `it is of the log ${opened.origin}`);
    }
    const missing = witnesses.find((witness) => !opened.signers.some(({ key }) => key === witness));
    if (missing !== undefined) throw new LogError("unknown_key", `the witness ${missing.name} did not cosign it`);
    return { ...opened, note };
  } catch (thrown) {
    if (!(thrown instanceof LogError)) throw thrown;
    throw new CheckFailedError(thrown.code, `${where}: ${thrown.message}`);
  }
}

/** The checkpoint of now, and whether the log has a new origin since the kept one. */
export interface FetchedCheckpoint {
  readonly checkpoint: VerifiedCheckpoint;
  readonly hasNewOrigin: boolean;
}

/**
 * Fetches the checkpoint of all events and verifies it, and that its log begins with the kept one. Throws CheckFailedError: `log_shorter`
 * or `inconsistent` when it does not, `history_lost` when the server says that it lost events which the kept checkpoint covers.
 */
export async function fetchCheckpoint(
  client: SignetClient,
  kept: VerifiedCheckpoint | null,
  trust: LogTrust,
): Promise<FetchedCheckpoint> {
  const answer = await client.audit
    .getAuditCheckpoint({ orgId: trust.orgId, ...(kept === null ? {} : { since: kept.size }) })
    .catch((thrown: unknown) => {
      if (!(thrown instanceof SignetError) || thrown.reason !== "log_shorter") throw thrown;
      throw new CheckFailedError(
        "log_shorter",
        `the kept checkpoint is of ${kept?.size ?? 0} events: ${thrown.message}`,
      );
    });
  const checkpoint = await verifyCheckpoint(answer.note, "the server's checkpoint", trust);
  if (kept === null) return { checkpoint, hasNewOrigin: false };
  const hasNewOrigin = checkpoint.origin !== kept.origin;
  const hashes = hashesOf(answer.consistency, "the server's proof");
  if (!verifyConsistency(kept, checkpoint, hashes)) throw notConsistent(kept, checkpoint);
  return { checkpoint, hasNewOrigin };
}

function notConsistent(kept: VerifiedCheckpoint, checkpoint: VerifiedCheckpoint): CheckFailedError {
  const { size } = kept;
  if (kept.origin === checkpoint.origin) {
    const message = `the log of ${checkpoint.size} events does not begin with the ${size} of the kept checkpoint`;
    return new CheckFailedError("inconsistent", `${message}: its history was changed`);
  }
  const message = `the log goes on as ${checkpoint.origin}: the server lost events, some of the ${size} of the kept checkpoint among them`;
  return new CheckFailedError("history_lost", message);
}

/** Hashes in base64. Throws CheckFailedError for anything else. */
export function hashesOf(texts: readonly string[], where: string): readonly Hash[] {
  return texts.map((text) => {
    const hash = decodeBase64(text);
    if (hash === undefined) throw new CheckFailedError("malformed", `${where} has a hash that is not base64`);
    return hash;
  });
}

/** A text that a file should have as a checkpoint's note. Throws InputError for one that has none of its form. */
export function requireNote(text: string, where: string): string {
  if (/^[^\n]+\n[0-9]+\n[^\n]+\n/.test(text) && text.includes("\n\n\u2014 ")) return text;
  throw new InputError(`${where} is not a checkpoint written by "signet audit checkpoint"`);
}
