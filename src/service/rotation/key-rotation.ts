import type { Signer } from "../../bundle/signer.js";
import { instantOf, type Clock, type Instant } from "../../core/clock.js";
import type { Bundle } from "../../core/bundle.js";
import { AppError, notFound } from "../../core/error.js";
import { nextTurn } from "../../core/schedule/in-steps.js";
import { Semaphore } from "../../core/schedule/semaphore.js";
import type { Principal } from "../../core/token.js";
import type { ActiveBundleKey, Store, Writer } from "../../store/store.js";
import { reasonOf, type Audit } from "../audit/audit.js";
import type { LastKeys, SharedKeySet, SigningKeys } from "../keys/key-files.js";
import { activateKeyIn, announceIn, keepNextOwned, rememberKeys, retireKeyIn } from "../keys/key-records.js";
import type { KeyList, ListedKey } from "../keys/keys.js";
import type { KeyRing } from "../keys/key-ring.js";
import type { Signers } from "../keys/signers.js";
import { countKeyTrust, NO_TRUST, type KeyTrust, type UntrustingInstance } from "./key-trust.js";

/** The keys of an organization, and how far the fleet is with the next one. */
export interface KeyRotationView {
  readonly current: ListedKey;
  readonly next: ListedKey | null;
  readonly trust: KeyTrust;
  /** Null for callers that do not operate the server. */
  readonly otherOrganizations: KeyTrust | null;
  readonly untrusting: readonly UntrustingInstance[];
}

/** Rows of one transaction. */
const STEP = 100;

/** Rotates the server's key for bundles: announced, activated without a restart, and at last retired. */
export class KeyRotation {
  /** One change of keys at a time: files and database belong together. */
  readonly #changing = new Semaphore(1);

  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly keys: SigningKeys;
      readonly lastKeys: LastKeys;
      readonly list: KeyList;
      readonly ring: KeyRing;
      readonly signers: Signers;
    },
  ) {}

  /** The current state for the caller's organization. Throws `not_found` if it has no usable bundle key. */
  async view(caller: Principal): Promise<KeyRotationView> {
    const { list, store, signers, keys } = this.deps;
    const bundles = (await list.list(caller)).filter(({ key }) => key.purpose === "bundles");
    const of = (state: ListedKey["state"]) =>
      bundles.find((it) => it.state === state && it.key.environmentId === null) ?? null;
    const current = of("current");
    if (current === null) throw notFound("key for bundles");
    const trust =
      keys.bundleKey.next === null
        ? { own: NO_TRUST, others: NO_TRUST, untrusting: [] }
        : await countKeyTrust(store.read, signers, { orgId: caller.orgId, now: this.#now() });
    return {
      current,
      next: of("next"),
      trust: trust.own,
      otherOrganizations: caller.isOperator ? trust.others : null,
      untrusting: trust.untrusting,
    };
  }

  /**
   * Announces a new next key. Throws `conflict`: `key_announced` when there is one already, `key_is_setting` when the current key is
   * given by a setting, `signing_failed` when it cannot sign.
   */
  async announce(caller: Principal, reason: string | null): Promise<KeyRotationView> {
    using _lease = await this.#changing.acquire();
    const { store, keys } = this.deps;
    const { bundleKey } = keys;
    await keys.shared?.refresh();
    this.#requireOwnKey();
    if (bundleKey.next !== null) {
      const message = `the key ${bundleKey.next.keyId} is announced already: activate or withdraw it`;
      throw new AppError("conflict", message, { reason: "key_announced" });
    }
    // Before anything is written: an unusable key endorses nothing.
    await keys.bundles.sign(new Uint8Array());
    await bundleKey.announce((next, keep) =>
      store.write(async (tx) => {
        await keep(tx);
        await announceIn(tx, keys, "bundles", next, this.#now());
        await this.#record(tx, caller, "key.announced", next.keyId, { from: keys.bundles.keyId, reason });
      }),
    );
    return await this.view(caller);
  }

  /** Takes the announcement back. Throws `not_found` for another key than the announced one, `conflict` for one that is a setting. */
  async withdraw(caller: Principal, keyId: string, reason: string | null): Promise<KeyRotationView> {
    using _lease = await this.#changing.acquire();
    const { store, keys, ring } = this.deps;
    await keys.shared?.refresh();
    this.#requireNext(keyId);
    this.#requireOwnKey();
    await keys.bundleKey.withdraw((next, keep) =>
      store.write(async (tx) => {
        await keep(tx);
        await tx.retirePublicKey(next.keyId, this.#now());
        await this.#record(tx, caller, "key.withdrawn", next.keyId, { reason });
      }),
    );
    ring.forget();
    return await this.view(caller);
  }

  /**
   * Makes the announced key the current one. Throws `not_found` for another key than the announced one, and `conflict`
   * (`key_not_trusted`) while live instances of any organization do not trust it or did not say, unless `force`.
   */
  async activate(
    caller: Principal,
    keyId: string,
    { force, reason }: { readonly force: boolean; readonly reason: string | null },
  ): Promise<KeyRotationView> {
    using _lease = await this.#changing.acquire();
    const { store, keys, lastKeys, ring } = this.deps;
    await keys.shared?.refresh();
    this.#requireNext(keyId);
    if (!keys.bundleKey.canActivate) this.#requireOwnKey();
    if (!force) await this.#requireTrust(caller);
    await this.#keepNextKeys();
    await keys.bundleKey.activate((next, keep) =>
      store.write(async (tx) => {
        await keep(tx);
        const from = keys.bundles.keyId;
        await activateKeyIn(tx, keys, "bundles", next, this.#now());
        await this.#record(tx, caller, "key.activated", next.keyId, { from, forced: force, reason });
      }),
    );
    rememberKeys(keys, lastKeys);
    ring.forget();
    return await this.view(caller);
  }

  /**
   * Retires a previous key of the server with all keys derived from it. Throws `not_found` for any other key, and `conflict`
   * (`key_in_use`) while the active bundle of an environment is signed with one of them.
   */
  async retire(caller: Principal, keyId: string, reason: string | null): Promise<KeyRotationView> {
    using _lease = await this.#changing.acquire();
    const { store, keys, ring } = this.deps;
    await keys.shared?.refresh();
    const key = await store.read.publicKey(keyId);
    if (key === null || key.orgId !== null || key.purpose !== "bundles" || key.retiredAt !== null) {
      throw notFound("previous key of the server");
    }
    if (keyId === keys.bundles.keyId || keyId === keys.bundleKey.next?.keyId) {
      throw new AppError("conflict", "only a previous key can be retired", { reason: "key_in_use" });
    }
    using _suspended = ring.suspend(keyId);
    // Activations that did not see the suspension are committed before this is.
    await store.write(async () => undefined);
    await this.#requireUnused(keyId, caller);
    await store.write(async (tx) => {
      if (keys.shared !== null) await this.#requireUnusedIn(tx, keys.shared, keyId, caller);
      await retireKeyIn(tx, keys, "bundles", keyId, this.#now());
      await this.#record(tx, caller, "key.retired", keyId, { reason });
    });
    return await this.view(caller);
  }

  /**
   * Why runtimes may reject a bundle that was made active: its key is a previous one. Empty for a bundle of the current key, and for one
   * whose environment is gone.
   */
  async warningsOf(bundle: Bundle): Promise<readonly string[]> {
    const { store, signers } = this.deps;
    const environment = await store.read.environmentById(bundle.environmentId);
    const organization = await store.read.organization(bundle.orgId);
    if (environment === null || organization === null) return [];
    const { keyId } = signers.bundles(organization, environment);
    if (keyId === "" || keyId === bundle.keyId) return [];
    const counts = await store.read.trustedKeyCounts([environment.id], this.#now());
    const sum = (some: typeof counts) => some.reduce((total, { count }) => total + count, 0);
    const rejecting = sum(counts.filter(({ keyIds }) => keyIds !== null && !keyIds.includes(bundle.keyId)));
    const told = rejecting === 0 ? "" : `; of ${sum(counts)} live instances ${rejecting} do not trust it`;
    return [
      `version ${bundle.version} is signed with the previous key ${bundle.keyId}: runtimes that trust only the current key ${keyId} ` +
        `reject it${told}`,
    ];
  }

  #requireNext(keyId: string): Signer {
    const { next } = this.deps.keys.bundleKey;
    if (next === null || next.keyId !== keyId) throw notFound("announced key");
    return next;
  }

  #requireOwnKey(): void {
    if (!this.deps.keys.bundleKey.isGiven) return;
    const message =
      "the bundle key is given by SIGNET_SIGNING_KEY: announce the next one by SIGNET_NEXT_SIGNING_KEY, and activate it by " +
      "making it SIGNET_SIGNING_KEY, each with a restart";
    throw new AppError("conflict", message, { reason: "key_is_setting" });
  }

  async #requireTrust(caller: Principal): Promise<void> {
    const { store, signers } = this.deps;
    const { own, others } = await countKeyTrust(store.read, signers, {
      orgId: caller.orgId,
      now: this.#now(),
    });
    const notTrusting = own.notTrusting + others.notTrusting;
    const unknown = own.unknown + others.unknown;
    if (notTrusting + unknown === 0) return;
    const message =
      `of ${own.live + others.live} live instances ${notTrusting} do not trust the key and ${unknown} did not say: ` +
      "give it to them, or force the activation";
    throw new AppError("conflict", message, { reason: "key_not_trusted" });
  }

  /** Stores what will be derived from the next key, in steps: the activation itself is one small transaction. */
  async #keepNextKeys(): Promise<void> {
    const { store } = this.deps;
    for (let offset = 0, total = 1; offset < total; offset += STEP) {
      const page = await store.read.organizations({ limit: STEP, offset });
      total = page.total;
      const owned = page.rows.filter(({ ownKeysSince }) => ownKeysSince !== null);
      await this.#keepOwned(owned.map(({ id }) => ({ orgId: id, environmentId: null })));
    }
    for (let after: string | undefined = ""; after !== undefined;) {
      const page = await store.read.environmentsAfter(after, STEP);
      const owned = page.filter(({ signingKey }) => signingKey === "environment");
      await this.#keepOwned(owned.map(({ id, orgId }) => ({ orgId, environmentId: id })));
      after = page.length < STEP ? undefined : page.at(-1)?.id;
    }
  }

  async #keepOwned(owners: readonly { readonly orgId: string; readonly environmentId: string | null }[]) {
    if (owners.length === 0) return;
    const at = this.#now();
    await this.deps.store.write(async (tx) => {
      for (const owner of owners) await keepNextOwned(tx, this.deps.keys, owner, at);
    });
    await nextTurn();
  }

  async #requireUnused(keyId: string, caller: Principal): Promise<void> {
    const { read } = this.deps.store;
    const isOf = new Map<string, boolean>();
    const inUse = async (id: string) => {
      const known = isOf.get(id) ?? (id === keyId || (await read.publicKey(id))?.endorsedBy === keyId);
      isOf.set(id, known);
      return known;
    };
    for (let after: string | undefined = ""; after !== undefined;) {
      const page = await read.activeBundleKeys(after, STEP);
      for (const { keyId: id, orgId, environment } of page) {
        if (!(await inUse(id))) continue;
        throw keyInUse({ orgId, environment }, caller);
      }
      after = page.length < STEP ? undefined : page.at(-1)?.environmentId;
      isOf.clear();
      await nextTurn();
    }
  }

  /** Other nodes do not see the suspension: what they made active since is asked in the transaction, as is whether it is current. */
  async #requireUnusedIn(tx: Writer, shared: SharedKeySet, keyId: string, caller: Principal): Promise<void> {
    await shared.requireCurrent(tx);
    const active = await tx.activeBundleOfKey(keyId);
    if (active !== null) throw keyInUse(active, caller);
  }

  async #record(
    tx: Writer,
    caller: Principal,
    action: string,
    keyId: string,
    { reason, ...facts }: { readonly reason: string | null; readonly from?: string; readonly forced?: boolean },
  ): Promise<void> {
    await this.deps.audit.record(tx, caller.orgId, caller, {
      action,
      resourceType: "key",
      resourceId: keyId,
      metadata: { purpose: "bundles", ...facts, ...reasonOf(reason) },
    });
  }

  #now(): Instant {
    return instantOf(this.deps.clock.now());
  }
}

function keyInUse({ orgId, environment }: Pick<ActiveBundleKey, "orgId" | "environment">, caller: Principal): AppError {
  const where = orgId === caller.orgId ? `"${environment}"` : `an environment of the organization ${orgId}`;
  const message = `the active bundle of ${where} is signed with this key: publish it again first`;
  return new AppError("conflict", message, { reason: "key_in_use" });
}
