import type { Signer } from "../../bundle/signer.js";
import type { Environment, Organization } from "../../core/organization.js";
import type { SigningKeys } from "./key-files.js";

/**
 * Chooses signing keys. An organization has its own keys, unless it is the operator's or was created before organizations had keys of
 * their own: then the server's keys sign.
 */
export class Signers {
  constructor(private readonly keys: SigningKeys) {}

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

  /** Signs the deliveries of an organization's webhooks. */
  webhooks({ id, ownKeysSince }: Organization): Signer {
    return ownKeysSince === null
      ? this.keys.webhooks
      : this.keys.derive("webhooks", { orgId: id, environmentId: null });
  }
}
