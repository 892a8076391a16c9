import { ActivationTrust } from "../../service/trust/activation-trust.js";
import { Attester } from "../../service/trust/attester.js";
import type { ServiceContext } from "./context.js";
import type { RootServices } from "./roots.js";

/** What allows activations and attests them. */
export interface TrustServices {
  readonly attester: Attester;
  readonly trust: ActivationTrust;
}

/** Composes what activations need of trust. */
export function composeTrust({ signingKeys }: ServiceContext, { releaseRules }: RootServices): TrustServices {
  const attester = new Attester(signingKeys);
  return { attester, trust: new ActivationTrust({ authorizer: releaseRules, attester }) };
}
