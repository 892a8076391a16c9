import { auditHeadMessage, type AuditHead } from "../../bundle/audit-chain.js";
import { decodeBase64 } from "../../bundle/base64.js";
import { nobleVerifier } from "../../bundle/ed25519-noble.js";
import type { PublicKey } from "../../sdk/index.js";
import { CheckFailedError, InputError } from "../shell/cli-error.js";
import type { Io } from "../shell/io.js";
import { nameOf, readTextFile } from "../shell/text-files.js";

/** A head of the audit log, as `signet audit head` writes it. */
export interface KeptHead extends AuditHead {
  /** Base64. */
  readonly signature: string;
  readonly key_id: string;
}

/** Reads a kept head from a file. Throws InputError for anything else. */
export async function readHead(file: string, io: Io): Promise<KeptHead> {
  const text = await readTextFile(file, io);
  const head = parse(text) as Partial<KeptHead> | null;
  const texts = [head?.org_id, head?.hash, head?.signature, head?.key_id];
  if (Number.isInteger(head?.number) && texts.every((value) => typeof value === "string")) return head as KeptHead;
  throw new InputError(`${nameOf(file)} is not a head written by "signet audit head"`);
}

/** Throws CheckFailedError unless one of the keys signed the head. */
export async function verifyHead(head: KeptHead, keys: readonly PublicKey[]): Promise<void> {
  const key = keys.find(({ keyId }) => keyId === head.key_id);
  if (key === undefined)
    throw new CheckFailedError("unknown_key", `the head is signed by ${head.key_id}, which is not trusted`);
  const signature = decodeBase64(head.signature);
  const isValid = signature !== undefined && (await nobleVerifier.verify(key.bytes, auditHeadMessage(head), signature));
  if (!isValid) throw new CheckFailedError("signature", "the signature of the head does not verify");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
