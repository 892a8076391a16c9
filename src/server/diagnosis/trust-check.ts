import { addSeconds, instantOf } from "../../core/clock.js";
import { fine, problem, warning, type Finding } from "../../core/finding.js";
import type { TrustEnd } from "../../store/trust-store.js";
import { daysBetween, type Check, type DataSubject } from "./check.js";

/** How long before its end a root or a release is told. */
export const TRUST_SOON_SECONDS = 30 * 86_400;

/** Findings that are told one by one, of roots and of releases each. */
const MAX_TOLD = 10;

/** Whether the newest roots of projects, and the releases that are active, hold for another 30 days. */
export const TRUST: Check<DataSubject> = {
  id: "trust",
  async run({ read, clock }) {
    const now = clock.now();
    const ends = await read.trustEnds(addSeconds(instantOf(now), TRUST_SOON_SECONDS), MAX_TOLD);
    if (ends.length === 0) return [fine("trust", "no root and no active release expires within 30 days")];
    return ends.map((end) => findingOf(end, now));
  },
};

function findingOf(end: TrustEnd, now: Date): Finding {
  const days = daysBetween(now, new Date(end.expiresAt));
  const what = describeTrustEnd(end);
  const remedy =
    end.environment === null
      ? "publish its next version, signed by its owners: signet trust publish"
      : "have its authors sign a new release, and activate the version again";
  return days <= 0
    ? problem("trust", `${what} expired at ${end.expiresAt}: runtimes that demand it take nothing new`, remedy)
    : warning("trust", `${what} expires in ${days.toFixed(1)} days`, remedy);
}

/** A root or a release in a sentence: `root 3 of the project shop`. */
export function describeTrustEnd({ project, environment, number }: TrustEnd): string {
  if (environment === null) return `root ${number} of the project ${project}`;
  return `release ${number}, which is active in ${environment} of the project ${project},`;
}
