import type { Signer } from "../../bundle/signer.js";
import type { Instant } from "../../core/clock.js";
import { KEY_PURPOSES, type KeyOwner, type KeyPurpose, type PublicKeyRecord } from "../../core/key.js";
import type { Environment, Organization } from "../../core/organization.js";
import { notFound } from "../../core/error.js";
import type { Principal } from "../../core/token.js";
import type { Store } from "../../store/store.js";
import type { SigningKeys } from "./key-files.js";
import type { KeyRing } from "./key-ring.js";
import type { Signers } from "./signers.js";

/** The current key signs, the next one is announced, the previous ones have signed. */
export type KeyState = "current" | "next" | "previous";

/** A public key, and its part in the signatures of its purpose and owner. */
export interface ListedKey {
  readonly key: PublicKeyRecord;
  readonly state: KeyState;
  /** The name of its environment; null for other owners. */
  readonly environment: string | null;
}

const STATES = ["current", "next", "previous"] as const satisfies readonly KeyState[];

/** Lists public keys. */
export class KeyList {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly keys: SigningKeys;
      readonly ring: KeyRing;
      readonly signers: Signers;
    },
  ) {}

  /**
   * The keys that verify what the caller's organization receives: bundle keys first, then those for audit, webhooks and attestation;
   * of each purpose the current ones, the announced ones, the previous ones. With `purpose` only those of one: the key for OPA, which is
   * no Ed25519 key, is listed only so. Includes keys of environments that the caller sees, and keys of the server
   * that sign or signed for the organization. Keys that are not endorsed, and retired ones, are left out.
   */
  async list(caller: Principal, purpose: KeyPurpose | null = null): Promise<readonly ListedKey[]> {
    const { store, ring } = this.deps;
    const { read } = store;
    const organization = await read.organization(caller.orgId);
    if (organization === null) throw notFound("organization");
    const environments = await this.#environments(caller);
    const current = this.#currentIds(organization, caller, environments);
    const next = this.#nextKeys(organization, caller, environments, await this.#announcedAt());
    const nextIds = new Set(next.map(({ key }) => key.keyId));
    const nextAttestationId = this.deps.keys.attestationKey.next?.keyId;
    const listed: ListedKey[] = [...next];
    for (const key of [...(await read.publicKeysOf(caller.orgId)), ...(await read.publicKeys())]) {
      if (nextIds.has(key.keyId)) continue;
      if (key.orgId === null && !needsServerKey(organization, key.purpose)) continue;
      const environment = key.environmentId === null ? null : environments.get(key.environmentId);
      if (environment === undefined || !(await ring.trusts(key))) continue;
      const previous = key.keyId === nextAttestationId ? "next" : "previous";
      const state = current.has(key.keyId) ? "current" : previous;
      listed.push({ key, state, environment: environment?.name ?? null });
    }
    const order = ({ key, state }: ListedKey) => 3 * KEY_PURPOSES.indexOf(key.purpose) + STATES.indexOf(state);
    const isAsked = ({ key }: ListedKey) => (purpose === null ? key.purpose !== "opa" : key.purpose === purpose);
    return listed.filter(isAsked).sort((a, b) => order(a) - order(b));
  }

  /** The environments that the caller sees and that may have their own key, by id. */
  async #environments(caller: Principal): Promise<ReadonlyMap<string, Environment>> {
    const { read } = this.deps.store;
    const { environmentId, projectId, orgId } = caller;
    if (environmentId !== null) {
      const own = await read.environmentById(environmentId);
      return new Map(own === null ? [] : [[own.id, own]]);
    }
    const all = await read.environmentsWithKeys(orgId);
    return new Map(all.filter((it) => projectId === null || it.projectId === projectId).map((it) => [it.id, it]));
  }

  async #announcedAt(): Promise<Instant | null> {
    const { next } = this.deps.keys.bundleKey;
    return next === null ? null : ((await this.deps.store.read.publicKey(next.keyId))?.createdAt ?? null);
  }

  /** The announced keys of the caller's owners: derived, because only those that sign are stored. */
  #nextKeys(
    organization: Organization,
    caller: Principal,
    environments: ReadonlyMap<string, Environment>,
    announcedAt: Instant | null,
  ): readonly ListedKey[] {
    if (announcedAt === null) return [];
    const { signers } = this.deps;
    const listed = (signer: Signer | null, owner: KeyOwner, environment: string | null): ListedKey[] => {
      if (signer === null) return [];
      const { keyId, publicKeyPem } = signer;
      const endorsed = { endorsedBy: null, endorsement: null, retiredAt: null };
      const key = { keyId, publicKeyPem, purpose: "bundles" as const, createdAt: announcedAt, ...owner, ...endorsed };
      return [{ key, state: "next", environment }];
    };
    const own = [...environments.values()].filter(({ signingKey }) => signingKey === "environment");
    const ofOwn = own.flatMap((it) =>
      listed(signers.nextOfEnvironment(it), { orgId: it.orgId, environmentId: it.id }, it.name),
    );
    // A runtime token's environment has exactly one next bundle key.
    if (caller.environmentId !== null && own.length > 0) return ofOwn;
    const orgId = organization.ownKeysSince === null ? null : organization.id;
    return [...listed(signers.nextOfOrganization(organization), { orgId, environmentId: null }, null), ...ofOwn];
  }

  #currentIds(
    organization: Organization,
    caller: Principal,
    environments: ReadonlyMap<string, Environment>,
  ): ReadonlySet<string> {
    const { keys, signers } = this.deps;
    const ids = new Set([
      keys.audit.keyId,
      keys.attestation.keyId,
      keys.opa.keyId,
      signers.webhooks(organization).keyId,
    ]);
    const own = [...environments.values()].filter(({ signingKey }) => signingKey === "environment");
    for (const environment of own) ids.add(signers.ofEnvironment(environment).keyId);
    // A runtime token's environment has exactly one current bundle key.
    if (caller.environmentId === null || own.length === 0) ids.add(signers.ofOrganization(organization).keyId);
    return ids;
  }
}

const OF_SERVER: readonly KeyPurpose[] = ["audit", "attestation", "opa"];

/** Whether the server's key of a purpose signs, or signed, for an organization: where only the server has one, or before it had its own. */
function needsServerKey({ ownKeysSince, createdAt }: Organization, purpose: KeyPurpose): boolean {
  return OF_SERVER.includes(purpose) || ownKeysSince === null || ownKeysSince > createdAt;
}
