import { instantOf, type Clock } from "../../core/clock.js";
import { AppError } from "../../core/error.js";
import type { EnvironmentScope, Reader } from "../../store/store.js";
import type { Sessions } from "../access/sessions.js";
import { reasonOf } from "../audit/audit.js";

/** The options of a deletion. */
export interface DeletionOptions {
  /** Whether to delete while runtimes are live. It overrides no protection. */
  readonly force: boolean;
  /** For the audit; at most 1,000 characters, null for none. */
  readonly reason: string | null;
}

/** A deletion that gives way to live runtimes, and has no reason. */
export const PLAIN_DELETION: DeletionOptions = { force: false, reason: null };

/** What a deletion reaches. */
export interface DeletionTarget {
  readonly scope: EnvironmentScope;
  readonly environmentIds: ReadonlySet<string>;
  /** For messages: `the environment "prod"`. */
  readonly what: string;
}

/** Throws `conflict` (`protected`) when an environment is protected and keeps a bundle: its project or organization cannot go either. */
export async function refuseProtected(reader: Reader, { scope, what }: DeletionTarget): Promise<void> {
  const environment = await reader.protectedEnvironment(scope);
  if (environment === null) return;
  throw new AppError("conflict", `${what} has ${protection(environment.name)}`, { reason: "protected" });
}

/** Says that an environment is protected, and how to lift that. */
export function protection(name: string): string {
  return `the protected environment "${name}": set its protected to false first (signet envs update ${name} --no-protected)`;
}

/**
 * The number of live runtimes (liveUntil of core/runtime-instance.ts) that a deletion disconnects: those that the store knows, or the open
 * streams and held polls of this process if they are more, since unnamed and very new ones are not stored. Throws `conflict` (`runtimes_live`) unless forced.
 */
export async function countDisconnected(
  reader: Reader,
  { sessions, clock }: { readonly sessions: Sessions; readonly clock: Clock },
  { scope, environmentIds, what }: DeletionTarget,
  { force }: DeletionOptions,
): Promise<number> {
  const seen = await reader.countLiveInstances(scope, instantOf(clock.now()));
  const live = Math.max(seen, sessions.countIn(environmentIds));
  if (live > 0 && !force) {
    const runtimes = live === 1 ? "1 runtime is live" : `${live} runtimes are live`;
    const message = `${runtimes} in ${what}: stop them, or delete it with force (--force, ?force=true)`;
    throw new AppError("conflict", message, { reason: "runtimes_live" });
  }
  return live;
}

/** The metadata that every deletion records about its options. */
export function deletionMetadata({ reason }: DeletionOptions, liveRuntimes: number) {
  return { live_runtimes: liveRuntimes, ...reasonOf(reason) };
}
