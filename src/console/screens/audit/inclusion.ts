import { auditEventHash, auditEventMessage } from "../../../bundle/audit-chain.js";
import { decodeBase64 } from "../../../bundle/base64.js";
import type { PublicKey } from "../../../bundle/keys.js";
import { activationOf, leafData } from "../../../bundle/log/leaf.js";
import { LogError } from "../../../bundle/log/log-error.js";
import { leafHash, verifyInclusion, type Hash } from "../../../bundle/log/merkle.js";
import { formatTlogProof } from "../../../bundle/log/tlog-proof.js";
import type { Verifier } from "../../../bundle/signer.js";
import { signedForm, type ChainEvent } from "./chain-check.js";
import { openOwn } from "./saved-checkpoint.js";

/** What a proof of inclusion came to. */
export interface InclusionVerdict {
  readonly isProven: boolean;
  /** What was checked, or what was wrong. */
  readonly text: string;
  /** A C2SP tlog-proof, for other verifiers. */
  readonly proof?: string;
}

/** An event, and what the server says of its place in the log. */
export interface InclusionClaim {
  readonly event: ChainEvent;
  readonly orgId: string;
  readonly checkpoint: { readonly note: string };
  readonly inclusion: { readonly eventId: number; readonly hashes: readonly string[] };
  readonly keys: ReadonlyMap<string, PublicKey>;
  readonly verifier: Verifier;
}

/** Checks the event's signature, the checkpoint's, and that the event is a leaf of its tree. */
export async function proveInclusion(claim: InclusionClaim): Promise<InclusionVerdict> {
  const { event, orgId, checkpoint, inclusion, keys, verifier } = claim;
  const no = (text: string): InclusionVerdict => ({ isProven: false, text });
  const key = keys.get(event.keyId);
  if (key === undefined) return no(`The key ${event.keyId} is not one of the keys of the audit.`);
  const signature = decodeBase64(event.signature) ?? new Uint8Array();
  const form = signedForm(orgId, event);
  if (!(await verifier.verify(key.bytes, auditEventMessage(form), signature)))
    return no("Its signature does not verify.");
  if (inclusion.eventId !== event.id) return no(`The server proves event ${inclusion.eventId}, which is another one.`);
  try {
    const publicKeys = [...keys.values()].map(({ bytes }) => bytes);
    const { size, root, origin } = await openOwn(checkpoint.note, orgId, publicKeys, verifier);
    const hash = auditEventHash(form, signature);
    const hashes: Hash[] = inclusion.hashes.map((text) => decodeBase64(text) ?? new Uint8Array());
    const leaf = leafHash(leafData(hash, activationOf(form.metadata)));
    if (!verifyInclusion(event.id - 1, size, leaf, hashes, root)) return no(`It is not in the log of ${size} events.`);
    const extra = Uint8Array.from(hash.slice("sha256:".length).match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    return {
      isProven: true,
      text: `Event ${event.id} is in the log ${origin} of ${size} events: signature, leaf and root were checked.`,
      proof: formatTlogProof({ extra, index: event.id - 1, hashes, checkpoint: checkpoint.note }),
    };
  } catch (thrown) {
    if (thrown instanceof LogError) return no(thrown.message);
    throw thrown;
  }
}
