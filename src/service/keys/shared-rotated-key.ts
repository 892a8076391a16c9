import type { Signer } from "../../bundle/signer.js";
import { instantOf, type Clock } from "../../core/clock.js";
import { AppError } from "../../core/error.js";
import { NEXT_SLOT, type KeyOwner, type KeySlot, type RotatedPurpose, type SealedKey } from "../../core/key.js";
import { Semaphore } from "../../core/schedule/semaphore.js";
import type { Reader, Store, Writer } from "../../store/store.js";
import { loadKey, newPem, unusableSigner, type RotatedKey, type CommitKey, type LoadedKey } from "./rotated-key.js";
import type { KeySealer } from "./key-sealer.js";
import { isPrivatePem, publicPemOf } from "./sealed-key-set.js";

/** Ids of keys by slot, as the database has them. */
export type KeyIds = Readonly<Partial<Record<KeySlot, string>>>;

/** A key of the database as this node has it. */
export interface SlotKey {
  readonly keyId: string;
  readonly publicPem: string;
  /** Null for one that a setting gives to other nodes, but not to this one. */
  readonly loaded: LoadedKey | null;
  /** Its private half is a setting of the nodes, and not in the database. */
  readonly isGiven: boolean;
}

/** The keys of a purpose in the database. */
export interface RotatedSlots {
  readonly current: SlotKey;
  readonly next: SlotKey | null;
}

/** What a key of several nodes is made of. */
export interface SharedRotatedKeyOptions {
  readonly purpose: RotatedPurpose;
  readonly store: Pick<Store, "read">;
  readonly clock: Clock;
  readonly sealer: KeySealer;
  /** The ids of the keys of other purposes, which must not be this one. */
  readonly otherKeyIds: readonly string[];
  /** The private keys of this node's settings, PEM by key id. */
  readonly given: ReadonlyMap<string, string>;
}

/**
 * The keys of several nodes for one purpose: the database's rows (for bundles `bundles` and `next`) say which they are, and each node has
 * them in memory. A signature by an earlier attestation key is not refused anywhere: whoever serves it adds one by the current key.
 *
 * Of bundles: nothing that a retired key signed is committed after its retirement, on whatever node it was signed: the transactions of all nodes are
 * serial; a transaction that keeps a new bundle asks `areCurrent` in it, so that the bundle's key is then the one of the row `bundles`;
 * a key is retired by a transaction in which it is neither that of `bundles` nor that of `next`, and which no active bundle needs
 * (Reader.activeBundleOfKey); a retired key never comes back into a row (refuseRetired); and a transaction that makes a kept bundle
 * active reads the retirement in it (KeyRing.requireUsable).
 */
export class SharedRotatedKey implements RotatedKey {
  /** Reading the keys again and changing them, one at a time: an older state never replaces a newer one. */
  readonly #turn = new Semaphore(1);
  readonly #listeners: (() => void)[] = [];
  #isStale = false;
  #problem: string | null = null;

  constructor(
    private readonly options: SharedRotatedKeyOptions,
    private slots: RotatedSlots,
  ) {}

  get current(): Signer {
    const { problem } = this;
    return problem === null && this.slots.current.loaded !== null
      ? this.slots.current.loaded.signer
      : unusableSigner(problem ?? "");
  }

  get next(): Signer | null {
    return this.slots.next?.loaded?.signer ?? null;
  }

  get problem(): string | null {
    const { keyId, loaded } = this.slots.current;
    if (this.#problem !== null || loaded !== null) return this.#problem;
    return `another node made ${keyId} the current key, which SIGNET_SIGNING_KEY does not give to this node`;
  }

  get nextProblem(): string | null {
    const { next } = this.slots;
    if (next === null || next.loaded !== null) return null;
    return `the next key ${next.keyId} is announced, but SIGNET_NEXT_SIGNING_KEY does not give it to this node`;
  }

  /** The public half of the current key, PEM, also where this node cannot sign with it. */
  get publicPem(): string {
    return this.slots.current.publicPem;
  }

  get isGiven(): boolean {
    return this.slots.current.isGiven;
  }

  /** Every node that was given the next key can go on with it at once. */
  get canActivate(): boolean {
    return !this.isGiven || this.slots.next?.isGiven === true;
  }

  get isStale(): boolean {
    return this.#isStale;
  }

  derive(owner: KeyOwner): Signer {
    return this.problem === null && this.slots.current.loaded !== null
      ? this.slots.current.loaded.derived.of(owner)
      : unusableSigner(this.problem ?? "");
  }

  deriveNext(owner: KeyOwner): Signer | null {
    return this.slots.next?.loaded?.derived.of(owner) ?? null;
  }

  dropNext(): void {
    this.slots = { ...this.slots, next: null };
  }

  /** Calls `listener` after each change of the keys in memory. */
  onChanged(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async announce(commit: CommitKey): Promise<void> {
    using _turn = await this.#turn.acquire();
    const loaded = loadKey(newPem(), this.options);
    const { keyId } = loaded.signer;
    const row = await this.seal(this.#nextSlot, keyId, loaded.pem);
    await commit(loaded.signer, async (tx) => {
      await this.#requireChangeable(tx);
      await tx.putSealedKey(row);
    });
    const next = { keyId, publicPem: loaded.signer.publicKeyPem, loaded, isGiven: false };
    this.#changed({ ...this.slots, next });
  }

  async withdraw(commit: CommitKey): Promise<void> {
    using _turn = await this.#turn.acquire();
    const { next } = this;
    if (next === null) throw new TypeError("no next key is announced");
    await commit(next, async (tx) => {
      await this.requireCurrent(tx);
      await tx.deleteSealedKey(this.#nextSlot);
    });
    this.#changed({ ...this.slots, next: null });
  }

  async activate(commit: CommitKey): Promise<void> {
    using _turn = await this.#turn.acquire();
    const { next } = this.slots;
    if (next === null || next.loaded === null) throw new TypeError("no next key is announced");
    // A setting stays one: the next start must not need it from the database. Where the database has the keys, it gets this one too.
    const isGiven = next.isGiven && this.isGiven;
    const row = await this.seal(this.options.purpose, next.keyId, isGiven ? next.publicPem : next.loaded.pem);
    await commit(next.loaded.signer, async (tx) => {
      await this.#requireChangeable(tx);
      await tx.putSealedKey(row);
      await tx.deleteSealedKey(this.#nextSlot);
    });
    this.#changed({ current: { ...next, isGiven }, next: null });
  }

  /** Reads the keys again if the database has others. Returns whether it had: `problem` says then whether they can be used. */
  async refresh(): Promise<boolean> {
    using _turn = await this.#turn.acquire();
    const { store, sealer } = this.options;
    const rows = await store.read.sealedKeys();
    const ids: KeyIds = Object.fromEntries(rows.map(({ slot, keyId }) => [slot, keyId]));
    this.#isStale = false;
    if (this.#has(ids)) return false;
    try {
      this.#changed(await openRotatedSlots(rows, sealer, this.options));
    } catch (thrown) {
      // It must not sign with what is not current any more.
      this.#problem = `the keys that another node made cannot be used: ${messageOf(thrown)}`;
    }
    return true;
  }

  async areCurrent(tx: Pick<Reader, "sealedKeyIds">, also?: "next"): Promise<boolean> {
    const ids = await tx.sealedKeyIds();
    const areThese = also === "next" ? this.#has(ids) : ids[this.options.purpose] === this.slots.current.keyId;
    if (!areThese) this.#isStale = true;
    return areThese;
  }

  async requireCurrent(tx: Pick<Reader, "sealedKeyIds">): Promise<void> {
    if (await this.areCurrent(tx, "next")) return;
    const message = "another node changed the signing keys at the same time: look at them, and try again";
    throw new AppError("conflict", message, { reason: "key_changed" });
  }

  /** Encrypts a key, or its public half, for a slot. */
  async seal(slot: KeySlot, keyId: string, pem: string): Promise<SealedKey> {
    return await this.options.sealer.seal({ slot, keyId, pem, at: instantOf(this.options.clock.now()) });
  }

  /** Besides the keys, the secret must be that of the other rows, or nodes could not open all of them. */
  async #requireChangeable(tx: Writer): Promise<void> {
    await this.requireCurrent(tx);
    const { sealer } = this.options;
    if ((await tx.sealedKeys()).every((row) => sealer.hasSealed(row))) return;
    const message =
      "the keys were encrypted with another secret since this node started: restart it with the new SIGNET_KEY_SECRET";
    throw new AppError("conflict", message, { reason: "key_secret_changed" });
  }

  get #nextSlot(): KeySlot {
    return NEXT_SLOT[this.options.purpose];
  }

  #has(ids: KeyIds): boolean {
    const { current, next } = this.slots;
    return ids[this.options.purpose] === current.keyId && ids[this.#nextSlot] === next?.keyId;
  }

  #changed(slots: RotatedSlots): void {
    this.slots = slots;
    this.#problem = null;
    for (const listener of this.#listeners) listener();
  }
}

/** The keys of a purpose of the database's rows. Throws as KeySealer.open, and `signing_failed` for a row that is missing or no such key. */
export async function openRotatedSlots(
  rows: readonly SealedKey[],
  sealer: KeySealer,
  options: Pick<SharedRotatedKeyOptions, "purpose" | "otherKeyIds" | "given">,
): Promise<RotatedSlots> {
  const open = async (slot: KeySlot): Promise<SlotKey | null> => {
    const row = rows.find((it) => it.slot === slot);
    if (row === undefined) return null;
    const pem = await sealer.open(row);
    const isGiven = !isPrivatePem(pem);
    const own = isGiven ? options.given.get(row.keyId) : pem;
    const loaded = own === undefined ? null : loadKey(own, options);
    return { keyId: row.keyId, publicPem: publicPemOf(pem), loaded, isGiven };
  };
  const { purpose } = options;
  const current = await open(purpose);
  if (current === null) throw new AppError("signing_failed", `the key for ${purpose} is missing in the database`);
  return { current, next: await open(NEXT_SLOT[purpose]) };
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
