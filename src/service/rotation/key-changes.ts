import { instantOf, type Clock, type Instant } from "../../core/clock.js";
import { AppError, notFound } from "../../core/error.js";
import type { PublicKeyRecord, RotatedPurpose } from "../../core/key.js";
import { Semaphore } from "../../core/schedule/semaphore.js";
import type { Principal } from "../../core/token.js";
import type { Store, Writer } from "../../store/store.js";
import { reasonOf, type Audit } from "../audit/audit.js";
import type { LastKeys, SigningKeys } from "../keys/key-files.js";
import { activateKeyIn, announceIn, rememberKeys, retireKeyIn, rotatedKeyOf } from "../keys/key-records.js";
import type { KeyRing } from "../keys/key-ring.js";
import type { RotatedKey } from "../keys/rotated-key.js";

/** What KeyChanges needs of others. */
export interface KeyChangesDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly keys: SigningKeys;
  readonly lastKeys: LastKeys;
  readonly ring: KeyRing;
}

/** What the audit says of a change, besides its key. */
interface ChangeFacts {
  readonly reason: string | null;
  readonly from?: string;
  readonly forced?: boolean;
}

/**
 * The steps in which the server's key of a purpose is rotated: private keys, public keys and audit change together. Whether a step may be
 * taken is for its callers to say, who have begun the change before they ask.
 */
export class KeyChanges {
  readonly #changing = new Semaphore(1);

  constructor(
    private readonly purpose: RotatedPurpose,
    private readonly deps: KeyChangesDeps,
  ) {}

  /** The time of day that the rows of a change get. */
  get now(): Instant {
    return instantOf(this.deps.clock.now());
  }

  /** Waits until no other change of this key is under way, and reads the keys that other nodes changed. The change ends when it is disposed of. */
  async begin(): Promise<Disposable> {
    const lease = await this.#changing.acquire();
    try {
      await this.deps.keys.shared?.refresh();
      return lease;
    } catch (thrown) {
      lease[Symbol.dispose]();
      throw thrown;
    }
  }

  /** Throws `conflict` (`key_announced`) when there is a next key already. */
  requireNoNext(): void {
    const { next } = this.#key;
    if (next === null) return;
    const message = `the key ${next.keyId} is announced already: activate or withdraw it`;
    throw new AppError("conflict", message, { reason: "key_announced" });
  }

  /** Throws `not_found` for another key than the announced one. */
  requireNext(keyId: string): void {
    if (this.#key.next?.keyId !== keyId) throw notFound("announced key");
  }

  /**
   * A previous key of the server, which can be retired. Throws `not_found` for what is none, and `conflict` (`key_in_use`) for the current
   * and the next one.
   */
  async previous(keyId: string): Promise<PublicKeyRecord> {
    const key = await this.deps.store.read.publicKey(keyId);
    if (key === null || key.orgId !== null || key.purpose !== this.purpose || key.retiredAt !== null) {
      throw notFound("previous key of the server");
    }
    if (keyId === this.deps.keys[this.purpose].keyId || keyId === this.#key.next?.keyId) {
      throw new AppError("conflict", "only a previous key can be retired", { reason: "key_in_use" });
    }
    return key;
  }

  /** Makes a next key, endorsed by the current one. Throws `signing_failed` when that cannot sign. */
  async announce(caller: Principal, reason: string | null): Promise<void> {
    const { store, keys } = this.deps;
    // Before anything is written: an unusable key endorses nothing.
    await keys[this.purpose].sign(new Uint8Array());
    await this.#key.announce((next, keep) =>
      store.write(async (tx) => {
        await keep(tx);
        await announceIn(tx, keys, this.purpose, next, this.now);
        await this.#record(tx, caller, "key.announced", next.keyId, { from: keys[this.purpose].keyId, reason });
      }),
    );
  }

  /** Takes the announcement of the next key back. */
  async withdraw(caller: Principal, reason: string | null): Promise<void> {
    const { store, ring } = this.deps;
    await this.#key.withdraw((next, keep) =>
      store.write(async (tx) => {
        await keep(tx);
        await tx.retirePublicKey(next.keyId, this.now);
        await this.#record(tx, caller, "key.withdrawn", next.keyId, { reason });
      }),
    );
    ring.forget();
  }

  /** Makes the next key the current one. */
  async activate(
    caller: Principal,
    { force, reason }: { readonly force: boolean; readonly reason: string | null },
  ): Promise<void> {
    const { store, keys, lastKeys, ring } = this.deps;
    await this.#key.activate((next, keep) =>
      store.write(async (tx) => {
        await keep(tx);
        const from = keys[this.purpose].keyId;
        await activateKeyIn(tx, keys, this.purpose, next, this.now);
        await this.#record(tx, caller, "key.activated", next.keyId, { from, forced: force, reason });
      }),
    );
    rememberKeys(keys, lastKeys);
    ring.forget();
  }

  /** Retires a previous key, in a transaction that has checked that it may. */
  async retireIn(
    tx: Writer,
    caller: Principal,
    keyId: string,
    facts: Pick<ChangeFacts, "reason" | "forced">,
  ): Promise<void> {
    await retireKeyIn(tx, this.deps.keys, this.purpose, keyId, this.now);
    await this.#record(tx, caller, "key.retired", keyId, facts);
  }

  get #key(): RotatedKey {
    return rotatedKeyOf(this.deps.keys, this.purpose);
  }

  async #record(
    tx: Writer,
    caller: Principal,
    action: string,
    keyId: string,
    { reason, ...facts }: ChangeFacts,
  ): Promise<void> {
    await this.deps.audit.record(tx, caller.orgId, caller, {
      ...{ action, resourceType: "key", resourceId: keyId },
      metadata: { purpose: this.purpose, ...facts, ...reasonOf(reason) },
    });
  }
}
