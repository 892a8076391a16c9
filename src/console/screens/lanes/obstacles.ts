import type { GetRolloutResponse } from "../../../../gen/signet/v1/runtime_pb.js";
import type { WhoAmIResponse } from "../../../../gen/signet/v1/token_pb.js";
import type { SignetError } from "../../../sdk/signet-error.js";
import { standing, standingWords, type Known } from "./standing.js";

/** Something that a person should know before a change: `stop` refuses it, `warn` does not. */
export interface Obstacle {
  readonly level: "stop" | "warn";
  readonly text: string;
  /** What others wrote about it: a reason. It is shown apart from the text. */
  readonly quote?: string;
  /** The environment whose release would take it away. */
  readonly release?: string;
}

/** What is known before a promotion, without asking the server for a preview. */
export interface PromotionFacts {
  readonly source: Known;
  /** Undefined for an environment that promotes to nothing. */
  readonly target: Known | undefined;
  /** The rollout of what is active in the source. */
  readonly rollout: GetRolloutResponse | undefined;
  readonly who: WhoAmIResponse | undefined;
}

/** Why a caller cannot change what is active here; undefined when it can, as far as its token tells. */
export function whyNoChange(who: WhoAmIResponse | undefined): string | undefined {
  if (who === undefined) return "Sign in to change what is active.";
  if (who.scopes.includes("bundle:publish")) return undefined;
  return `A ${who.keyType} token is read-only. An admin or ci token can change what is active.`;
}

/** Why nothing can be promoted, in one sentence for a disabled button; undefined when it can be tried. */
export function whyNoPromotion({ source, target, who }: PromotionFacts): string | undefined {
  if (target === undefined) return `${source.environment.name} promotes to nothing.`;
  if (source.environment.activeVersion === undefined) return `Nothing is active in ${source.environment.name}.`;
  return whyNoChange(who);
}

/** What stands in the way of a promotion, what refuses it first. */
export function obstacles(facts: PromotionFacts): readonly Obstacle[] {
  const { source, target, rollout } = facts;
  const never = whyNoPromotion(facts);
  const found: Obstacle[] = never === undefined ? [] : [{ level: "stop", text: never }];
  if (target === undefined) return found;
  found.push(...holdOf(target));
  const at = standing(source, target);
  if (at.kind === "same" || at.kind === "back") {
    found.push({ level: "warn", text: sentence(standingWords(at, source.environment.name, target.environment.name)) });
  }
  found.push(...rolloutOf(source, rollout));
  return found;
}

/** The hold of an environment, which refuses every change but an activation that holds again. */
export function holdOf({ environment: { name, hold } }: Known): readonly Obstacle[] {
  if (hold === undefined) return [];
  const quote = hold.reason === undefined ? {} : { quote: hold.reason };
  return [{ level: "stop", text: `${name} is held: release it before anything changes it.`, release: name, ...quote }];
}

/** What to do about a refusal of the server, in a sentence; undefined for one that says it itself. */
export function adviceFor({ code, reason }: SignetError, environment: string): string | undefined {
  if (code === "precondition_failed") return `${environment} has changed since this preview. Look at the new one.`;
  return ADVICE[reason];
}

const ADVICE: Readonly<Record<string, string>> = {
  held: "Release the environment, then try again.",
  release_missing: "The project's trust root asks for a release: upload one for this content, then try again.",
  release_expired: "The release of this content has expired: upload a new one.",
  revoked: "The trust root has revoked this content. Nothing can activate it any more.",
  rolled_back: "The trust root allows only newer releases here.",
  version_quota_exceeded: "Delete old versions of the environment, or raise the quota.",
  forbidden: "Your token may not change this environment.",
  no_earlier_version: "Activate a version by its number instead.",
  disk_full: "The disk of the server is full. Rolling back and activating still work.",
};

function rolloutOf(
  { environment: { name, activeVersion } }: Known,
  rollout: GetRolloutResponse | undefined,
): Obstacle[] {
  if (rollout === undefined || rollout.live === 0) return [];
  const { live, applied, rejected } = rollout;
  if (rejected > 0) {
    return [
      { level: "warn", text: `${rejected} of ${live} live runtimes in ${name} rejected version ${activeVersion}.` },
    ];
  }
  if (applied === live) return [];
  return [
    { level: "warn", text: `Version ${activeVersion} is applied by ${applied} of ${live} live runtimes in ${name}.` },
  ];
}

function sentence(words: string): string {
  return `${words}.`;
}
