import { roleRule, type Root, type RoleRule } from "../../bundle/trust/root.js";
import { isRevoked } from "../../bundle/trust/trust-state.js";
import type { Instant } from "../../core/clock.js";
import type { MediaType } from "../../core/bundle.js";
import { AppError } from "../../core/error.js";
import type { Release } from "../../core/trust/release.js";
import { whoMustSign } from "./key-names.js";

/** Why a content may not be active in an environment: codes of runtimes (bundle/trust/trust-error.ts). */
export type ReleaseProblem = "release_missing" | "release_expired" | "revoked" | "rolled_back" | "mix_and_match";

const MAX_SHOWN = 10;

/** A problem, and how it is told. */
export interface Refusal {
  readonly problem: ReleaseProblem;
  readonly message: string;
}

/** Where and when a release is looked at. */
export interface ReleaseUse {
  readonly environment: string;
  /** Of the content; null where it is not known. */
  readonly mediaType: MediaType | null;
  readonly now: Instant;
  /** The number of the release that was active there last; null where the server may go back, or nothing was. */
  readonly leastNumber: number | null;
}

/** The rule for releases of an environment. */
export function releaseRule(root: Root, environment: string): RoleRule {
  return roleRule(root, "release", environment);
}

/** Why runtimes of an environment would refuse a release that names its content there; null if they take it. */
export function refusalOf(
  root: Root,
  release: Pick<Release, "digest" | "expiresAt" | "mediaType" | "number">,
  signedBy: ReadonlySet<string>,
  { environment, mediaType, now, leastNumber }: ReleaseUse,
): Refusal | null {
  const refuse = (problem: ReleaseProblem, why: string): Refusal => ({ problem, message: `"${environment}" ${why}` });
  if (isRevoked(root, release.digest))
    return refuse("revoked", `cannot have this content: its release ${release.number} was revoked`);
  const rule = releaseRule(root, environment);
  if (rule.keyIds.filter((id) => signedBy.has(id)).length < rule.threshold)
    return refuse("release_missing", `takes only what its authors released: ${whoMustSign(root, rule, signedBy)}`);
  if (release.expiresAt !== null && release.expiresAt <= now)
    return refuse("release_expired", `cannot have this content: its release ran out at ${release.expiresAt}`);
  if (mediaType !== null && release.mediaType !== mediaType)
    return refuse(
      "mix_and_match",
      `takes no ${mediaType} by a release of ${release.mediaType}: its authors release it as what it is`,
    );
  if (leastNumber !== null && release.number < leastNumber) {
    const why = `takes no release below ${leastNumber}, the last one, and the release of this content is ${release.number}`;
    return refuse("rolled_back", `${why}: its authors can release the content again`);
  }
  return null;
}

/** The refusal of a content without any release. */
export function unreleased(root: Root, environment: string): Refusal {
  const who = whoMustSign(root, releaseRule(root, environment), new Set());
  return { problem: "release_missing", message: `"${environment}" takes only what its authors released: ${who}` };
}

/** The refusal of a content that the root revokes. */
export function revokedContent(environment: string): Refusal {
  return { problem: "revoked", message: `"${environment}" cannot have this content: it was revoked` };
}

/** Refusals of one change as the error that callers get: `invalid`, with the problem of the first one as its reason. Names ten at most. */
export function refusalError(refusals: readonly Refusal[]): AppError {
  const shown = refusals.slice(0, MAX_SHOWN).map(({ message }) => message);
  const more = refusals.length > shown.length ? [`${refusals.length - shown.length} more environments`] : [];
  return new AppError("invalid", [...shown, ...more].join("; "), { reason: refusals[0]?.problem ?? "release_missing" });
}
