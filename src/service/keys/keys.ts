import type { KeyPurpose, PublicKeyRecord } from "../../core/key.js";
import type { Environment, Organization } from "../../core/organization.js";
import { notFound } from "../../core/error.js";
import type { Principal } from "../../core/token.js";
import type { Store } from "../../store/store.js";
import type { SigningKeys } from "./key-files.js";
import type { KeyRing } from "./key-ring.js";
import type { Signers } from "./signers.js";

/** A public key, and whether it makes the new signatures of its purpose and owner. */
export interface ListedKey {
  readonly key: PublicKeyRecord;
  readonly isCurrent: boolean;
  /** The name of its environment; null for other owners. */
  readonly environment: string | null;
}

const PURPOSES = ["bundles", "audit", "webhooks"] as const satisfies readonly KeyPurpose[];

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
   * The keys that verify what the caller's organization receives: bundle keys first, then audit and webhook keys, current ones first.
   * Includes keys of environments that the caller sees, and keys of the server that sign or signed for the organization. Keys that are
   * not endorsed are left out.
   */
  async list(caller: Principal): Promise<readonly ListedKey[]> {
    const { store, ring } = this.deps;
    const { read } = store;
    const organization = await read.organization(caller.orgId);
    if (organization === null) throw notFound("organization");
    const environments = await this.#environments(caller);
    const current = this.#currentIds(organization, caller, environments);
    const listed: ListedKey[] = [];
    for (const key of [...(await read.publicKeysOf(caller.orgId)), ...(await read.publicKeys())]) {
      if (key.orgId === null && !needsServerKey(organization, key.purpose)) continue;
      const environment = key.environmentId === null ? null : environments.get(key.environmentId);
      if (environment === undefined || !(await ring.trusts(key))) continue;
      listed.push({ key, isCurrent: current.has(key.keyId), environment: environment?.name ?? null });
    }
    const order = ({ key, isCurrent }: ListedKey) => 2 * PURPOSES.indexOf(key.purpose) + (isCurrent ? 0 : 1);
    return listed.sort((a, b) => order(a) - order(b));
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

  #currentIds(
    organization: Organization,
    caller: Principal,
    environments: ReadonlyMap<string, Environment>,
  ): ReadonlySet<string> {
    const { keys, signers } = this.deps;
    const ids = new Set([keys.audit.keyId, signers.webhooks(organization).keyId]);
    const own = [...environments.values()].filter(({ signingKey }) => signingKey === "environment");
    for (const environment of own) ids.add(signers.ofEnvironment(environment).keyId);
    // A runtime token's environment has exactly one current bundle key.
    if (caller.environmentId === null || own.length === 0) ids.add(signers.ofOrganization(organization).keyId);
    return ids;
  }
}

/** Whether the server's key of a purpose signs, or signed, for an organization: always for the audit log, else before it had its own. */
function needsServerKey({ ownKeysSince, createdAt }: Organization, purpose: KeyPurpose): boolean {
  return purpose === "audit" || ownKeysSince === null || ownKeysSince > createdAt;
}
