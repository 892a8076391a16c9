import type { Bundle, Deployment } from "../../core/bundle.js";
import { AppError } from "../../core/error.js";
import type { Environment } from "../../core/organization.js";
import type { Release } from "../../core/trust/release.js";
import type { Reader, Writer } from "../../store/store.js";
import type { Attester } from "./attester.js";
import type { NamedContent } from "./release-rules.js";

/** Decides which content may become active in which environment. */
export interface ActivationAuthorizer {
  /**
   * The release by which a content may become active, null where none is needed. Asked in the transaction of the activation. Throws `invalid`
   * for a content that may not.
   */
  authorize(
    reader: Reader,
    environment: Environment,
    content: NamedContent,
  ): Promise<Pick<Release, "digest" | "number"> | null>;
}

/** What the rows of a transaction say of an activation in it. */
export interface Clearance {
  /** Throws `invalid` if the content may not become active. */
  requireAllowed(): void;
  /**
   * Keeps the attestation of an activation, after its deployment. Returns the digest of its payload; null for one whose bundle has no
   * digests, which is attested later.
   */
  attestIn(tx: Writer, deployment: Deployment, bundle: Bundle): Promise<string | null>;
}

/** Authorizes and attests activations, inside their transactions. */
export class ActivationTrust {
  constructor(private readonly deps: { readonly authorizer: ActivationAuthorizer; readonly attester: Attester }) {}

  /**
   * Reads what the activation of a content needs. `environment` must have been read in the transaction. Does not refuse: other refusals come
   * before this one.
   */
  async clear(reader: Reader, environment: Environment, content: NamedContent): Promise<Clearance> {
    const { authorizer, attester } = this.deps;
    const { activeDeploymentId } = environment;
    const [previous, release] = await Promise.all([
      activeDeploymentId === null ? null : reader.activationAttestation(activeDeploymentId),
      authorizer.authorize(reader, environment, content).catch(refusalOf),
    ]);
    const allowed = () => {
      if (release instanceof AppError) throw release;
      return release;
    };
    return {
      requireAllowed: () => void allowed(),
      async attestIn(tx, deployment, { documentSha256, contentSize }) {
        if (documentSha256 === null || contentSize === null) return null;
        const facts = { release: allowed(), previous: previous?.digest ?? null, attestedAt: deployment.at };
        const attestation = await attester.attest(deployment, { documentSha256, contentSize }, facts);
        await tx.insertActivationAttestation(attestation);
        return attestation.digest;
      },
    };
  }
}

function refusalOf(thrown: unknown): AppError {
  if (thrown instanceof AppError && thrown.code === "invalid") return thrown;
  throw thrown;
}
