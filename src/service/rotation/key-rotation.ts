import type { Bundle } from "../../core/bundle.js";
import { AppError, notFound } from "../../core/error.js";
import { nextTurn } from "../../core/schedule/in-steps.js";
import type { Principal } from "../../core/token.js";
import type { ActiveBundleKey, Writer } from "../../store/store.js";
import type { SharedKeySet } from "../keys/key-files.js";
import { keepNextOwned } from "../keys/key-records.js";
import type { KeyList, ListedKey } from "../keys/keys.js";
import type { Signers } from "../keys/signers.js";
import { KeyChanges, type KeyChangesDeps } from "./key-changes.js";
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
  readonly #changes: KeyChanges;

  constructor(private readonly deps: KeyChangesDeps & { readonly list: KeyList; readonly signers: Signers }) {
    this.#changes = new KeyChanges("bundles", deps);
  }

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
        : await countKeyTrust(store.read, signers, { orgId: caller.orgId, now: this.#changes.now });
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
    using _change = await this.#changes.begin();
    this.#requireOwnKey();
    this.#changes.requireNoNext();
    await this.#changes.announce(caller, reason);
    return await this.view(caller);
  }

  /** Takes the announcement back. Throws `not_found` for another key than the announced one, `conflict` for one that is a setting. */
  async withdraw(caller: Principal, keyId: string, reason: string | null): Promise<KeyRotationView> {
    using _change = await this.#changes.begin();
    this.#changes.requireNext(keyId);
    this.#requireOwnKey();
    await this.#changes.withdraw(caller, reason);
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
    using _change = await this.#changes.begin();
    this.#changes.requireNext(keyId);
    if (!this.deps.keys.bundleKey.canActivate) this.#requireOwnKey();
    if (!force) await this.#requireTrust(caller);
    await this.#keepNextKeys();
    await this.#changes.activate(caller, { force, reason });
    return await this.view(caller);
  }

  /**
   * Retires a previous key of the server with all keys derived from it. Throws `not_found` for any other key, and `conflict`
   * (`key_in_use`) while the active bundle of an environment is signed with one of them.
   */
  async retire(caller: Principal, keyId: string, reason: string | null): Promise<KeyRotationView> {
    using _change = await this.#changes.begin();
    const { store, keys, ring } = this.deps;
    await this.#changes.previous(keyId);
    using _suspended = ring.suspend(keyId);
    // Activations that did not see the suspension are committed before this is.
    await store.write(async () => undefined);
    await this.#requireUnused(keyId, caller);
    await store.write(async (tx) => {
      if (keys.shared !== null) await this.#requireUnusedIn(tx, keys.shared, keyId, caller);
      await this.#changes.retireIn(tx, caller, keyId, { reason });
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
    const counts = await store.read.trustedKeyCounts([environment.id], this.#changes.now);
    const sum = (some: typeof counts) => some.reduce((total, { count }) => total + count, 0);
    const rejecting = sum(counts.filter(({ keyIds }) => keyIds !== null && !keyIds.includes(bundle.keyId)));
    const told = rejecting === 0 ? "" : `; of ${sum(counts)} live instances ${rejecting} do not trust it`;
    return [
      `version ${bundle.version} is signed with the previous key ${bundle.keyId}: runtimes that trust only the current key ${keyId} ` +
        `reject it${told}`,
    ];
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
      now: this.#changes.now,
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
    const at = this.#changes.now;
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
}

function keyInUse({ orgId, environment }: Pick<ActiveBundleKey, "orgId" | "environment">, caller: Principal): AppError {
  const where = orgId === caller.orgId ? `"${environment}"` : `an environment of the organization ${orgId}`;
  const message = `the active bundle of ${where} is signed with this key: publish it again first`;
  return new AppError("conflict", message, { reason: "key_in_use" });
}
