import { LRUCache } from "lru-cache";
import { parsePublicKey } from "../../../bundle/keys.js";
import { formatCheckpoint, type Checkpoint } from "../../../bundle/log/checkpoint.js";
import { isSameHash, type Hash } from "../../../bundle/log/merkle.js";
import { formatNote, formatNoteKey, signNote } from "../../../bundle/log/note.js";
import { consistencyRanges, inclusionRanges } from "../../../bundle/log/proof-ranges.js";
import { formatTlogProof } from "../../../bundle/log/tlog-proof.js";
import type { Signer } from "../../../bundle/signer.js";
import { AppError, invalidField, notFound } from "../../../core/error.js";
import type { Store } from "../../../store/store.js";
import type { KeyRing } from "../../keys/key-ring.js";
import { hashOf } from "../audit-form.js";
import { wronglySigned } from "../audit-verify.js";
import type { AuditTree } from "./audit-tree.js";
import type { AuditTrees } from "./audit-trees.js";
import { leafOfEvent } from "./event-leaf.js";

/** A signed checkpoint of an organization's log. */
export interface SignedCheckpoint extends Checkpoint {
  readonly orgId: string;
  /** The signed note (bundle/log/checkpoint.ts). */
  readonly note: string;
  readonly keyId: string;
  /** The key as a witness is told of it: `<origin>+<id>+<base64>`. */
  readonly verifierKey: string;
}

/** A proof that an event is in a tree. */
export interface InclusionProof {
  readonly orgId: string;
  readonly eventId: number;
  /** `sha256:` and 64 hex digits. */
  readonly eventHash: string;
  /** The activation that the event made; null for none. */
  readonly activation: string | null;
  readonly leafHash: Hash;
  readonly size: number;
  readonly hashes: readonly Hash[];
}

/** A proof with a signed checkpoint: the text of a C2SP tlog-proof. */
export interface SignedInclusion extends InclusionProof {
  readonly proof: string;
}

/** Which event an inclusion proof is asked for. */
export type LoggedEvent = { readonly eventId: number } | { readonly activation: string };

/** Proofs of activations in memory, by digest. One stays valid: it has a checkpoint of its own. */
const MAX_PROOFS = 2_000;

/** What AuditLog needs of others. */
export interface AuditLogDeps {
  readonly store: Pick<Store, "read">;
  readonly trees: AuditTrees;
  readonly signer: Signer;
  readonly ring: KeyRing;
}

/** The audit as a transparency log: checkpoints, and proofs for whoever keeps one. Each call sees what was committed before it. */
export class AuditLog {
  /** By the tree: what was given is given again, without another signature. */
  readonly #checkpoints = new WeakMap<AuditTree, SignedCheckpoint>();
  readonly #proofs = new LRUCache<string, { readonly origin: string; readonly text: string }>({ max: MAX_PROOFS });

  constructor(private readonly deps: AuditLogDeps) {}

  /**
   * The checkpoint of all events. Throws `data_loss` if no trusted key signed the newest event, and as AuditTrees.
   *
   * @param since a size that the caller knows: the result has the proof that the log still begins with it. Throws `conflict`
   *   (`log_shorter`) if the log has fewer events
   */
  async checkpoint(orgId: string): Promise<SignedCheckpoint>;
  async checkpoint(
    orgId: string,
    since: number | undefined,
  ): Promise<SignedCheckpoint & { readonly consistency: readonly Hash[] }>;
  async checkpoint(orgId: string, since?: number) {
    const tree = await this.#told(orgId);
    const checkpoint = await this.#signed(tree);
    if (since === undefined) return { ...checkpoint, consistency: [] };
    requireSize(since, tree);
    return { ...checkpoint, consistency: await tree.hashesOf(consistencyRanges(since, tree.size)) };
  }

  /** The proof that the log of `newer` events (default: all) begins with that of `older` ones. Throws `conflict` (`log_shorter`). */
  async consistency(orgId: string, older: number, newer?: number): Promise<{ size: number; hashes: readonly Hash[] }> {
    const tree = await this.#told(orgId);
    const size = newer ?? tree.size;
    requireSize(Math.max(older, size), tree);
    if (older > size) throw invalidField(["older"], `is above the size ${size}`, "greater_than", "query");
    return { size, hashes: await tree.hashesOf(consistencyRanges(older, size)) };
  }

  /**
   * The proof that an event is in the log, at a size (default: all). Throws `not_found` for an event that is not in a log of that size,
   * and `conflict` (`log_shorter`).
   */
  async inclusion(orgId: string, event: LoggedEvent, size?: number): Promise<InclusionProof> {
    const tree = await this.#told(orgId);
    if (size !== undefined) requireSize(size, tree);
    return await this.#inclusion(tree, event, size ?? tree.size);
  }

  /** As `inclusion` in the log of all events, with a signed checkpoint. */
  async signedInclusion(orgId: string, event: LoggedEvent): Promise<SignedInclusion> {
    return await this.#proven(await this.#told(orgId), event);
  }

  /**
   * The tlog-proof of an activation, by the hex SHA-256 of its payload; from memory where it was made before. Null for one that no event
   * names: it was attested later than it was made.
   */
  async proofOf(orgId: string, activation: string): Promise<string | null> {
    const tree = await this.#told(orgId);
    const kept = this.#proofs.get(activation);
    if (kept?.origin === tree.origin) return kept.text;
    if ((await tree.eventOf(activation)) === null) return null;
    const { proof } = await this.#proven(tree, { activation });
    this.#proofs.set(activation, { origin: tree.origin, text: proof });
    return proof;
  }

  async #told(orgId: string): Promise<AuditTree> {
    const { trees } = this.deps;
    return await trees.tell(await trees.current(orgId));
  }

  async #proven(tree: AuditTree, event: LoggedEvent): Promise<SignedInclusion> {
    const { note } = await this.#signed(tree);
    const inclusion = await this.#inclusion(tree, event, tree.size);
    const { eventId, eventHash, hashes } = inclusion;
    const extra = Buffer.from(eventHash.slice("sha256:".length), "hex");
    return { ...inclusion, proof: formatTlogProof({ extra, index: eventId - 1, hashes, checkpoint: note }) };
  }

  async #inclusion(tree: AuditTree, wanted: LoggedEvent, size: number): Promise<InclusionProof> {
    const { orgId } = tree.state;
    const eventId = "eventId" in wanted ? wanted.eventId : await tree.eventOf(wanted.activation);
    const event = eventId === null || eventId > size ? null : await this.deps.store.read.auditEvent(orgId, eventId);
    if (event === null) throw notFound("event");
    const { hash, activation } = leafOfEvent(event);
    const [logged] = await tree.hashesOf([{ start: event.id - 1, end: event.id }]);
    if (logged === undefined || !isSameHash(logged, hash)) {
      throw new AppError("data_loss", `event ${event.id} of the audit is not the one that the log has`);
    }
    const hashes = await tree.hashesOf(inclusionRanges(event.id - 1, size));
    return { orgId, eventId: event.id, eventHash: hashOf(event), activation, leafHash: hash, size, hashes };
  }

  async #signed(tree: AuditTree): Promise<SignedCheckpoint> {
    const kept = this.#checkpoints.get(tree);
    if (kept !== undefined) return kept;
    const { signer, ring } = this.deps;
    const { state, origin, size, root } = tree;
    const { newest, orgId } = state;
    const wrong = newest === null ? null : await wronglySigned(newest, (await ring.sorted("audit")).trusted);
    if (wrong !== null) throw new AppError("data_loss", `the newest event of the audit, ${size}, is broken: ${wrong}`);
    const { bytes: publicKey } = parsePublicKey(signer.publicKeyPem);
    const text = formatCheckpoint({ origin, size, root });
    const note = formatNote({ text, signatures: [await signNote(text, origin, signer, publicKey)] });
    const verifierKey = formatNoteKey({ name: origin, type: "ed25519", publicKey });
    const checkpoint = { orgId, origin, size, root, note, keyId: signer.keyId, verifierKey };
    this.#checkpoints.set(tree, checkpoint);
    return checkpoint;
  }
}

function requireSize(size: number, tree: AuditTree): void {
  if (size <= tree.size) return;
  const message = `the log has ${tree.size} events, not ${size}: it lost some, or the size is of another log`;
  throw new AppError("conflict", message, { reason: "log_shorter" });
}
