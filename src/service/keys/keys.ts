import type { KeyPurpose, PublicKeyRecord } from "../../core/key.js";
import type { Environment, Organization } from "../../core/organization.js";
import { notFound } from "../../core/error.js";
import type { Principal } from "../../core/token.js";
import type { Store } from "../../store/store.js";
import type { SigningKeys } from "./key-files.js";
import type { KeyRing } from "./key-ring.js";
import type { Signers } from "./signers.js";

/** A public key, and whether new signatures of its purpose and owner are made with it. */
export interface ListedKey {
  readonly key: PublicKeyRecord;
  readonly isCurrent: boolean;
  /** The name of the environment whose key it is; null for all others. */
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
   * Those that the caller may need to check what its organization is sent: bundle keys first, then audit and webhook keys, current
   * ones first. Of environments those that it sees; of the server only what signs, or signed, for the organization. Keys that nobody
   * vouches for are not among them.
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
      if (environment === undefined || !(await ring.vouchesFor(key))) continue;
      listed.push({ key, isCurrent: current.has(key.keyId), environment: environment?.name ?? null });
    }
    const order = ({ key, isCurrent }: ListedKey) => 2 * PURPOSES.indexOf(key.purpose) + (isCurrent ? 0 : 1);
    return listed.sort((a, b) => order(a) - order(b));
  }

  /** Those that the caller sees and that may have a key of their own, by id. */
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
    // A runtime's environment has one current key: which it is, is all that its operator asks.
    if (caller.environmentId === null || own.length === 0) ids.add(signers.ofOrganization(organization).keyId);
    return ids;
  }
}

/** The audit is the server's. The other keys of the server are an organization's that signs with them, or did before it had its own. */
function needsServerKey({ ownKeysSince, createdAt }: Organization, purpose: KeyPurpose): boolean {
  return purpose === "audit" || ownKeysSince === null || ownKeysSince > createdAt;
}
