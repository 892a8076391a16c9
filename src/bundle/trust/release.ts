import type { BundleSource } from "../../core/bundle.js";
import { ENVIRONMENT, MAX_ID_LENGTH } from "./forms.js";
import { formatStatement, parseStatement } from "./statement.js";
import { orMalformed, TrustError } from "./trust-error.js";
import { timeOf, trustTime, type TrustTime } from "./trust-time.js";

/** The predicate type of a release. Its payload type is `STATEMENT_TYPE`. */
export const RELEASE_PREDICATE = "https://signet.dev/release/v1";

/** What the authors of a policy sign: which content may run in which environment. */
export interface Release {
  /** The SHA-256 of the content's bytes, in hex, by the environment that it may go to. */
  readonly subjects: ReadonlyMap<string, string>;
  readonly orgId: string;
  readonly projectId: string;
  /** The authors' counter, from 1. */
  readonly number: number;
  readonly createdAt: TrustTime;
  /** Null: it does not run out. */
  readonly expiresAt: TrustTime | null;
  readonly mediaType: string;
  readonly source: BundleSource | null;
}

/** The payload of a release's envelope. Checks nothing: {@link parseRelease} does. */
export function formatRelease(release: Release): Uint8Array {
  const { subjects, orgId, projectId, number, createdAt, expiresAt, mediaType, source } = release;
  return formatStatement(RELEASE_PREDICATE, subjects, {
    org_id: orgId,
    project_id: projectId,
    number,
    created_at: trustTime(createdAt),
    expires_at: expiresAt && trustTime(expiresAt),
    media_type: mediaType,
    source: source && { repository: source.repository, revision: source.revision, url: source.url },
  });
}

/**
 * Parses the payload of a release whose signatures were verified. Unknown fields are ignored.
 *
 * @throws TrustError `malformed`, or `wrong_type` for another statement
 */
export function parseRelease(payload: Uint8Array): Release {
  return orMalformed(() => {
    const { subjects, predicate } = parseStatement(payload, RELEASE_PREDICATE, "release");
    for (const name of subjects.keys()) {
      if (!ENVIRONMENT.test(name)) throw new TrustError("malformed", `release names ${name}, which is no environment`);
    }
    if (subjects.size === 0) throw new TrustError("malformed", "release has no subject");
    const source = predicate.optionalObject("source");
    return {
      subjects,
      orgId: predicate.text("org_id", MAX_ID_LENGTH),
      projectId: predicate.text("project_id", MAX_ID_LENGTH),
      number: predicate.integer("number", 1),
      createdAt: timeOf(predicate, "created_at"),
      expiresAt: predicate.has("expires_at") ? timeOf(predicate, "expires_at") : null,
      mediaType: predicate.text("media_type", 255),
      source: source && {
        repository: source.text("repository", 500),
        revision: source.text("revision", 500),
        url: source.text("url", 500),
      },
    };
  });
}
