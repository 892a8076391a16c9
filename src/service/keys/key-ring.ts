import { LRUCache } from "lru-cache";
import { parsePublicKey, type PublicKey } from "../../bundle/keys.js";
import type { Signer } from "../../bundle/signer.js";
import type { Bundle } from "../../core/bundle.js";
import type { KeyPurpose, PublicKeyRecord } from "../../core/key.js";
import type { Store } from "../../store/store.js";
import type { SigningKeys } from "./key-files.js";
import { isEndorsedBy } from "./key-records.js";

/** Keys that were found good are not checked again: more than these are. */
const MAX_KEPT = 20_000;
/** Changes of the server's key that a chain may have. */
const MAX_CHAIN = 1_000;

type OwnKey = Pick<Signer, "keyId" | "publicKeyPem">;

/** The keys of a purpose, apart: those that count, and those that the database has and nobody vouches for. */
export interface SortedKeys {
  readonly vouched: ReadonlyMap<string, PublicKey>;
  readonly unvouchedIds: readonly string[];
}

/**
 * Which of the keys in the database count: those that a private key of this server vouches for, itself or through the keys that it
 * vouches for. So who can write to the database, and has no key, can add none.
 */
export class KeyRing {
  readonly #vouched = new LRUCache<string, PublicKeyRecord>({ max: MAX_KEPT });

  readonly #lastBundles: OwnKey | null;

  constructor(private readonly deps: { readonly store: Pick<Store, "read">; readonly keys: SigningKeys }) {
    const publicKeyPem = deps.keys.lastBundlesPem;
    this.#lastBundles = publicKeyPem === null ? null : { publicKeyPem, keyId: parsePublicKey(publicKeyPem).keyId };
  }

  async vouchesFor(record: PublicKeyRecord): Promise<boolean> {
    const toKeep: PublicKeyRecord[] = [];
    let next = record;
    for (let length = 0; length < MAX_CHAIN; length += 1) {
      const end = this.#known(next);
      if (end === false) return false;
      if (end === true) {
        for (const good of toKeep) this.#vouched.set(good.keyId, good);
        return true;
      }
      // A record that only its own key vouches for leads nowhere.
      if (next.endorsedBy === next.keyId) return false;
      const endorser = next.endorsedBy === null ? null : await this.#endorser(next.endorsedBy, next.purpose);
      if (endorser === null || !(await isEndorsedBy(next, endorser.publicKeyPem))) return false;
      toKeep.push(next);
      next = endorser;
    }
    return false;
  }

  /** The server's own keys of a purpose. */
  async sorted(purpose: KeyPurpose): Promise<SortedKeys> {
    const vouched = new Map<string, PublicKey>();
    const unvouchedIds: string[] = [];
    for (const record of await this.deps.store.read.publicKeys(purpose)) {
      if (await this.vouchesFor(record)) vouched.set(record.keyId, parsePublicKey(record.publicKeyPem));
      else unvouchedIds.push(record.keyId);
    }
    return { vouched, unvouchedIds };
  }

  /** The key that may have signed a bundle, by its `keyId`; null when that is nobody's, another tenant's, or nobody vouches for it. */
  async ofBundle({ keyId, orgId, environmentId }: Bundle): Promise<PublicKey | null> {
    const { store } = this.deps;
    const own = this.#own("bundles");
    if (keyId === own?.keyId) return parsePublicKey(own.publicKeyPem);
    const record = this.#vouched.get(keyId) ?? (await store.read.publicKey(keyId));
    if (record === null || record.purpose !== "bundles") return null;
    if (record.orgId !== null && record.orgId !== orgId) return null;
    if (record.environmentId !== null && record.environmentId !== environmentId) return null;
    return (await this.vouchesFor(record)) ? parsePublicKey(record.publicKeyPem) : null;
  }

  /** Whether a record is that of a key that counts; undefined when only its endorsement can tell. */
  #known(record: PublicKeyRecord): boolean | undefined {
    const own = this.#own(record.purpose);
    if (record.keyId === own?.keyId)
      return isSameKey(record, { ...record, publicKeyPem: own.publicKeyPem, orgId: null });
    const good = this.#vouched.get(record.keyId);
    return good !== undefined && isSameKey(record, good) ? true : undefined;
  }

  /** The server's key: that of the last start while the bundle key cannot be used. */
  #own(purpose: KeyPurpose): OwnKey | null {
    const { keys } = this.deps;
    return purpose === "bundles" && keys.problem !== null ? this.#lastBundles : keys[purpose];
  }

  /** Only a key of the server vouches, and for its own purpose. */
  async #endorser(keyId: string, purpose: KeyPurpose): Promise<PublicKeyRecord | null> {
    const record = await this.deps.store.read.publicKey(keyId);
    return record !== null && record.orgId === null && record.purpose === purpose ? record : null;
  }
}

function isSameKey(a: PublicKeyRecord, b: PublicKeyRecord): boolean {
  const isOf = a.purpose === b.purpose && a.orgId === b.orgId && a.environmentId === b.environmentId;
  return isOf && a.keyId === b.keyId && a.publicKeyPem === b.publicKeyPem;
}
