import { LRUCache } from "lru-cache";
import { parsePublicKey, type PublicKey } from "../../bundle/keys.js";
import type { Signer } from "../../bundle/signer.js";
import type { Bundle } from "../../core/bundle.js";
import type { KeyPurpose, PublicKeyRecord } from "../../core/key.js";
import { AppError } from "../../core/error.js";
import type { Reader, Store } from "../../store/store.js";
import type { VerifyingKeys } from "./key-files.js";
import { publicKeyFor } from "./key-kinds.js";
import { isEndorsedBy } from "./key-records.js";

/** Verified keys in the cache; others are verified again. */
const MAX_KEPT = 20_000;
/** The longest chain of endorsements: changes of the server's key. */
const MAX_CHAIN = 1_000;

type OwnKey = Pick<Signer, "keyId" | "publicKeyPem">;

/** The keys of a purpose in the database: the endorsed ones, and the ids of the others. */
export interface SortedKeys {
  readonly trusted: ReadonlyMap<string, PublicKey>;
  readonly untrustedIds: readonly string[];
}

/**
 * The trusted keys of the database: those that a private key of this server endorses, directly or through keys that it endorses. Write
 * access to the database alone does not add one.
 */
export class KeyRing {
  readonly #trusted = new LRUCache<string, PublicKeyRecord>({ max: MAX_KEPT });

  /** Keys that are about to be retired. */
  readonly #suspended = new Set<string>();

  constructor(private readonly deps: { readonly store: Pick<Store, "read">; readonly keys: VerifyingKeys }) {}

  /** Whether a chain of valid endorsements leads from a key to the server's current one. */
  async trusts(record: PublicKeyRecord): Promise<boolean> {
    const found = await this.#follow(record);
    if (found !== "lost") return found === "current";
    // Another node may have made a key current that this one has not heard of.
    if ((await this.deps.keys.shared?.refresh()) !== true) return false;
    this.forget();
    return (await this.#follow(record)) === "current";
  }

  /** Where the chain of endorsements of a key leads: to the current one, to a retired one, or nowhere. */
  async #follow(record: PublicKeyRecord): Promise<"current" | "retired" | "lost"> {
    const toKeep: PublicKeyRecord[] = [];
    let next = record;
    for (let length = 0; length < MAX_CHAIN; length += 1) {
      if (this.#isRetired(next)) return "retired";
      const end = this.#known(next);
      if (end === false) return "lost";
      if (end === true) {
        for (const good of toKeep) this.#trusted.set(good.keyId, good);
        return "current";
      }
      // A key that only endorses itself leads nowhere.
      if (next.endorsedBy === next.keyId) return "lost";
      const endorser = next.endorsedBy === null ? null : await this.#endorser(next.endorsedBy, next.purpose);
      if (endorser === null || !(await isEndorsedBy(next, endorser.publicKeyPem))) return "lost";
      toKeep.push(next);
      next = endorser;
    }
    return "lost";
  }

  /** The server's own keys of a purpose. */
  async sorted(purpose: KeyPurpose): Promise<SortedKeys> {
    const trusted = new Map<string, PublicKey>();
    const untrustedIds: string[] = [];
    for (const record of await this.deps.store.read.publicKeys(purpose)) {
      if (await this.trusts(record)) trusted.set(record.keyId, publicKeyFor(purpose, record.publicKeyPem));
      else untrustedIds.push(record.keyId);
    }
    return { trusted, untrustedIds };
  }

  /** The trusted key with the `keyId` of a bundle; null if it is unknown, not endorsed, or belongs to another owner. */
  async ofBundle({ keyId, orgId, environmentId }: Bundle): Promise<PublicKey | null> {
    const { store } = this.deps;
    const own = this.#own("bundles");
    if (keyId === own?.keyId) return parsePublicKey(own.publicKeyPem);
    const record = this.#trusted.get(keyId) ?? (await store.read.publicKey(keyId));
    if (record === null || record.purpose !== "bundles") return null;
    if (record.orgId !== null && record.orgId !== orgId) return null;
    if (record.environmentId !== null && record.environmentId !== environmentId) return null;
    return (await this.trusts(record)) ? parsePublicKey(record.publicKeyPem) : null;
  }

  /** Verifies every key again before it counts, after one was retired. */
  forget(): void {
    this.#trusted.clear();
  }

  /** Treats a key as retired until the result is disposed, while somebody makes sure that nothing needs it. */
  suspend(keyId: string): Disposable {
    this.#suspended.add(keyId);
    this.forget();
    return {
      [Symbol.dispose]: () => {
        this.#suspended.delete(keyId);
        this.forget();
      },
    };
  }

  /** Throws `conflict` (`key_retired`) if the key of a bundle, or the one that it was derived from, is retired. Reads two rows at most. */
  async requireUsable(reader: Pick<Reader, "publicKey">, { keyId, version }: Bundle): Promise<void> {
    const key = await reader.publicKey(keyId);
    const endorser = key === null || key.orgId === null ? null : await reader.publicKey(key.endorsedBy ?? "");
    const retired = [key, endorser].find((it) => it !== null && this.#isRetired(it));
    if (retired === undefined) return;
    const message = `version ${version} is signed with the key ${keyId}, which is retired: publish its content again`;
    throw new AppError("conflict", message, { reason: "key_retired" });
  }

  #isRetired({ keyId, retiredAt }: PublicKeyRecord): boolean {
    return retiredAt !== null || this.#suspended.has(keyId);
  }

  /** Whether a record is a trusted key; undefined if its endorsement must be verified. */
  #known(record: PublicKeyRecord): boolean | undefined {
    const own = this.#own(record.purpose);
    if (record.keyId === own?.keyId)
      return isSameKey(record, { ...record, publicKeyPem: own.publicKeyPem, orgId: null });
    const good = this.#trusted.get(record.keyId);
    return good !== undefined && isSameKey(record, good) ? true : undefined;
  }

  /** The server's current key; that of the last start while the bundle key is unusable. */
  #own(purpose: KeyPurpose): OwnKey | null {
    const { keys } = this.deps;
    if (purpose !== "bundles" || keys.problem === null) return keys[purpose];
    const { lastBundlesPem: publicKeyPem } = keys;
    return publicKeyPem === null ? null : { publicKeyPem, keyId: parsePublicKey(publicKeyPem).keyId };
  }

  /** Only keys of the server endorse others, of the same purpose. */
  async #endorser(keyId: string, purpose: KeyPurpose): Promise<PublicKeyRecord | null> {
    const record = await this.deps.store.read.publicKey(keyId);
    return record !== null && record.orgId === null && record.purpose === purpose ? record : null;
  }
}

function isSameKey(a: PublicKeyRecord, b: PublicKeyRecord): boolean {
  const isOf = a.purpose === b.purpose && a.orgId === b.orgId && a.environmentId === b.environmentId;
  return isOf && a.keyId === b.keyId && a.publicKeyPem === b.publicKeyPem;
}
