import { AppError, notFound } from "../../core/error.js";
import type { Principal } from "../../core/token.js";
import type { KeyList, ListedKey } from "../keys/keys.js";
import { KeyChanges, type KeyChangesDeps } from "./key-changes.js";
import { countRootNaming, NO_ROOTS, type RootNaming, type UnnamingProject } from "./root-naming.js";

/** The attestation key, and how far the root documents are with the next one. */
export interface AttestationRotationView {
  readonly current: ListedKey;
  readonly next: ListedKey | null;
  /** The projects of the caller's organization that have a root. */
  readonly roots: RootNaming;
  /** Null for callers that do not operate the server. */
  readonly otherRoots: RootNaming | null;
  /** Of the caller's organization, the first ones. */
  readonly unnaming: readonly UnnamingProject[];
}

const PURPOSE = "attestation";

/**
 * Rotates the key of activations and leases. Root documents name it: the next one is announced, each project's next root names both keys,
 * the next one is activated, a further root names it alone, and the one before is retired. What is active stays as it is and gets a
 * signature by the new key.
 */
export class AttestationRotation {
  readonly #changes: KeyChanges;

  constructor(private readonly deps: KeyChangesDeps & { readonly list: KeyList }) {
    this.#changes = new KeyChanges(PURPOSE, deps);
  }

  /** Whether an id is that of an attestation key of this server, of whatever state. */
  async has(keyId: string): Promise<boolean> {
    return (await this.deps.store.read.publicKey(keyId))?.purpose === PURPOSE;
  }

  /** The current state for the caller's organization. */
  async view(caller: Principal): Promise<AttestationRotationView> {
    const { list, store, keys } = this.deps;
    const listed = (await list.list(caller)).filter(({ key }) => key.purpose === PURPOSE);
    const current = listed.find(({ state }) => state === "current");
    if (current === undefined) throw notFound("key for attestation");
    const { next } = keys.attestationKey;
    const counted =
      next === null
        ? { own: NO_ROOTS, others: NO_ROOTS, unnaming: [] }
        : await countRootNaming(store.read, next.publicKeyPem, caller.orgId);
    return {
      current,
      next: listed.find(({ state }) => state === "next") ?? null,
      roots: counted.own,
      otherRoots: caller.isOperator ? counted.others : null,
      unnaming: counted.unnaming,
    };
  }

  /**
   * Announces a new next key. Throws `conflict` (`key_announced`) when there is one already.
   */
  async announce(caller: Principal, reason: string | null): Promise<AttestationRotationView> {
    using _change = await this.#changes.begin();
    this.#changes.requireNoNext();
    await this.#changes.announce(caller, reason);
    return await this.view(caller);
  }

  /** Takes the announcement back. Throws `not_found` for another key than the announced one. */
  async withdraw(caller: Principal, keyId: string, reason: string | null): Promise<AttestationRotationView> {
    using _change = await this.#changes.begin();
    this.#changes.requireNext(keyId);
    await this.#changes.withdraw(caller, reason);
    return await this.view(caller);
  }

  /**
   * Makes the announced key the current one. Throws `not_found` for another key than the announced one, and `conflict` (`key_not_named`)
   * while the newest root of a project does not name it for activations and leases, unless `force`: its runtimes then keep what they have
   * until they get a root that does.
   */
  async activate(
    caller: Principal,
    keyId: string,
    { force, reason }: { readonly force: boolean; readonly reason: string | null },
  ): Promise<AttestationRotationView> {
    using _change = await this.#changes.begin();
    this.#changes.requireNext(keyId);
    if (!force) await this.#requireNamed(caller);
    await this.#changes.activate(caller, { force, reason });
    return await this.view(caller);
  }

  /**
   * Makes a new key the current one at once, whatever roots name: after a leak or a seizure. An announced one, which may have leaked too, is
   * withdrawn.
   */
  async replace(caller: Principal, reason: string | null): Promise<AttestationRotationView> {
    await this.deps.keys.shared?.refresh();
    const announced = this.deps.keys.attestationKey.next;
    if (announced !== null) await this.withdraw(caller, announced.keyId, reason);
    const { next } = await this.announce(caller, reason);
    if (next === null) throw new AppError("conflict", "another change of the keys came between; retry");
    return await this.activate(caller, next.key.keyId, { force: true, reason });
  }

  /**
   * Retires a previous key: it is not listed any more. Throws `not_found` for any other key, and `conflict` (`key_in_use`) while the newest
   * root of a project names it, unless `force`: runtimes take what it signs until a root does not name it.
   */
  async retire(
    caller: Principal,
    keyId: string,
    { force, reason }: { readonly force: boolean; readonly reason: string | null },
  ): Promise<AttestationRotationView> {
    using _change = await this.#changes.begin();
    const { store, keys, ring } = this.deps;
    const { publicKeyPem } = await this.#changes.previous(keyId);
    if (!force) await this.#requireUnnamed(caller, publicKeyPem);
    await store.write(async (tx) => {
      await keys.attestationKey.requireCurrent(tx);
      await this.#changes.retireIn(tx, caller, keyId, { forced: force, reason });
    });
    ring.forget();
    return await this.view(caller);
  }

  async #requireNamed(caller: Principal): Promise<void> {
    const { store, keys } = this.deps;
    const pem = keys.attestationKey.next?.publicKeyPem ?? "";
    const { own, others, unnaming } = await countRootNaming(store.read, pem, caller.orgId);
    const missing = own.notNaming + others.notNaming;
    if (missing === 0) return;
    const names = unnaming
      .slice(0, 5)
      .map(({ project, rootVersion, why }) => `"${project}" (root ${rootVersion} ${why})`);
    const foreign = others.notNaming === 0 ? [] : [`${others.notNaming} of other organizations`];
    const message =
      `the newest root of ${missing} projects does not name the key for activations and leases: ` +
      `${[...names, ...foreign].join(", ")}. Publish roots that do, or force the activation`;
    throw new AppError("conflict", message, { reason: "key_not_named" });
  }

  async #requireUnnamed(caller: Principal, pem: string): Promise<void> {
    const { own, others, naming } = await countRootNaming(this.deps.store.read, pem, caller.orgId);
    const still = own.naming + others.naming;
    if (still === 0) return;
    const names = naming.slice(0, 5).map((project) => `"${project}"`);
    const foreign = others.naming === 0 ? [] : [`${others.naming} of other organizations`];
    const message =
      `the newest root of ${still} projects still names this key: ${[...names, ...foreign].join(", ")}. ` +
      "Publish roots without it, or force the retirement";
    throw new AppError("conflict", message, { reason: "key_in_use" });
  }
}
