import type { Signer } from "../../bundle/signer.js";
import type { Environment, Organization } from "../../core/organization.js";
import type { SigningKeys } from "./key-files.js";

/** Whose key signs what: an organization's keys are its own, unless it is the first one or older than keys of one's own. */
export class Signers {
  constructor(private readonly keys: SigningKeys) {}

  /** For the bundles of an environment. */
  bundles(organization: Organization, environment: Environment): Signer {
    if (environment.signingKey === "environment") return this.ofEnvironment(environment);
    return this.ofOrganization(organization);
  }

  /** For the bundles of those environments that have no key of their own. */
  ofOrganization({ id, ownKeysSince }: Organization): Signer {
    return ownKeysSince === null ? this.keys.bundles : this.keys.derive("bundles", { orgId: id, environmentId: null });
  }

  /** An environment's own, whether or not it is used. */
  ofEnvironment({ id, orgId }: Environment): Signer {
    return this.keys.derive("bundles", { orgId, environmentId: id });
  }

  /** For the deliveries of an organization's webhooks. */
  webhooks({ id, ownKeysSince }: Organization): Signer {
    return ownKeysSince === null
      ? this.keys.webhooks
      : this.keys.derive("webhooks", { orgId: id, environmentId: null });
  }
}
