import { DIGEST, ENVIRONMENT, MAX_ID_LENGTH } from "./forms.js";
import { formatStatement, parseStatement } from "./statement.js";
import { orMalformed, TrustError } from "./trust-error.js";
import { timeOf, trustTime, type TrustTime } from "./trust-time.js";

/** The predicate type of an activation. Its payload type is `STATEMENT_TYPE`. */
export const ACTIVATION_PREDICATE = "https://signet.dev/activation/v1";

/** What the server signs when a bundle becomes active: this content, here, under this sequence. It has no expiry. */
export interface ActivationStatement {
  /** SHA-256 of the content's bytes, in hex: the policy_hash without its prefix. */
  readonly content: string;
  /** SHA-256 of the bytes of the format-1 document, in hex. */
  readonly document: string;
  readonly orgId: string;
  readonly projectId: string;
  /** The name. */
  readonly environment: string;
  /** From 1. */
  readonly sequence: number;
  /** As the deployment's: `publish`, `promote`, … */
  readonly kind: string;
  readonly bundleId: string;
  /** The bundle's number in its environment. */
  readonly version: number;
  readonly deploymentId: string;
  readonly activatedAt: TrustTime;
  readonly mediaType: string;
  /** Of the content's bytes. */
  readonly size: number;
  /** SHA-256 of the release's payload, in hex. */
  readonly release: string | null;
  /** SHA-256 of the payload of the activation before, in hex. */
  readonly previous: string | null;
}

/** The payload of an activation's envelope. The same activation is always the same bytes. */
export function formatActivation(activation: ActivationStatement): Uint8Array {
  const subjects = [
    ["content", activation.content],
    ["document", activation.document],
  ] as const;
  return formatStatement(ACTIVATION_PREDICATE, subjects, {
    org_id: activation.orgId,
    project_id: activation.projectId,
    environment: activation.environment,
    sequence: activation.sequence,
    kind: activation.kind,
    bundle_id: activation.bundleId,
    version: activation.version,
    deployment_id: activation.deploymentId,
    activated_at: trustTime(activation.activatedAt),
    media_type: activation.mediaType,
    size: activation.size,
    release: activation.release,
    previous: activation.previous,
  });
}

/**
 * Parses the payload of an activation whose signatures were verified. Unknown fields and further subjects are ignored.
 *
 * @throws TrustError `malformed`, or `wrong_type` for another statement
 */
export function parseActivation(payload: Uint8Array): ActivationStatement {
  return orMalformed(() => {
    const { subjects, predicate } = parseStatement(payload, ACTIVATION_PREDICATE, "activation");
    const [content, document] = [subjects.get("content"), subjects.get("document")];
    if (content === undefined || document === undefined) {
      throw new TrustError("malformed", "activation must have the subjects content and document");
    }
    return {
      content,
      document,
      orgId: predicate.text("org_id", MAX_ID_LENGTH),
      projectId: predicate.text("project_id", MAX_ID_LENGTH),
      environment: predicate.matching("environment", ENVIRONMENT),
      sequence: predicate.integer("sequence", 1),
      kind: predicate.text("kind", 63),
      bundleId: predicate.text("bundle_id", MAX_ID_LENGTH),
      version: predicate.integer("version", 1),
      deploymentId: predicate.text("deployment_id", MAX_ID_LENGTH),
      activatedAt: timeOf(predicate, "activated_at"),
      mediaType: predicate.text("media_type", 255),
      size: predicate.integer("size"),
      release: predicate.has("release") ? predicate.matching("release", DIGEST) : null,
      previous: predicate.has("previous") ? predicate.matching("previous", DIGEST) : null,
    };
  });
}
