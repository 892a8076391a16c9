import type { Signer } from "../../bundle/signer.js";
import type { Environment, Organization } from "../../core/organization.js";
import type { Reader } from "../../store/store.js";
import type { SigningKeys } from "./key-files.js";

/**
 * Chooses signing keys. An organization has its own keys, unless it is the operator's or was created before organizations had keys of
 * their own: then the server's keys sign.
 */
export class Signers {
  constructor(private readonly keys: SigningKeys) {}

  /** Reads the keys again if another node is known to have changed them. */
  async refresh(): Promise<void> {
    if (this.keys.shared?.isStale === true) await this.keys.shared.refresh();
  }

  /** Whether, in a transaction, the keys for bundles are still the ones that sign: another node may have activated the next one. */
  async areCurrent(tx: Reader): Promise<boolean> {
    return this.keys.shared === null || (await this.keys.shared.areCurrent(tx));
  }

  /** Signs the bundles of an environment. */
  bundles(organization: Organization, environment: Environment): Signer {
    if (environment.signingKey === "environment") return this.ofEnvironment(environment);
    return this.ofOrganization(organization);
  }

  /** Signs the bundles of environments without a key of their own. */
  ofOrganization({ id, ownKeysSince }: Organization): Signer {
    return ownKeysSince === null ? this.keys.bundles : this.keys.derive("bundles", { orgId: id, environmentId: null });
  }

  /** The environment's own key, whether or not it is in use. */
  ofEnvironment({ id, orgId }: Environment): Signer {
    return this.keys.derive("bundles", { orgId, environmentId: id });
  }

  /** The key that the next activation of a key makes that of `bundles`; null while none is announced. */
  nextBundles(organization: Organization, environment: Environment): Signer | null {
    if (environment.signingKey === "environment") return this.nextOfEnvironment(environment);
    return this.nextOfOrganization(organization);
  }

  /** As ofOrganization, of the announced key; null while none is. */
  nextOfOrganization({ id, ownKeysSince }: Organization): Signer | null {
    const { bundleKey } = this.keys;
    return ownKeysSince === null ? bundleKey.next : bundleKey.deriveNext({ orgId: id, environmentId: null });
  }

  /** As ofEnvironment, of the announced key; null while none is. */
  nextOfEnvironment({ id, orgId }: Environment): Signer | null {
    return this.keys.bundleKey.deriveNext({ orgId, environmentId: id });
  }

  /** Signs the deliveries of an organization's webhooks. */
  webhooks({ id, ownKeysSince }: Organization): Signer {
    return ownKeysSince === null
      ? this.keys.webhooks
      : this.keys.derive("webhooks", { orgId: id, environmentId: null });
  }
}
