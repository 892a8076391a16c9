import type { Instant } from "../../core/clock.js";
import type { InstanceState, RuntimeInstance } from "../../core/runtime-instance.js";

/**
 * What is told of an instance; null leaves what was told before. `reportedSequence` is null for what is no report, and for heartbeats,
 * which always tell what is so now.
 */
type Told = Pick<
  RuntimeInstance,
  "instanceId" | "appliedSequence" | "appliedVersion" | "reportedSequence" | "reason" | "agent" | "userAgent" | "labels"
> &
  Pick<RuntimeInstance, "source" | "keyIds"> & { readonly state: InstanceState | null };

/** One report, with where the environment was. */
export interface Seen extends Told {
  /** The newest sequence of the environment at its time; null where it makes no difference. */
  readonly newestSequence: number | null;
}

/** The report of a connection without a status. */
export const NOTHING_TOLD = {
  ...{ state: null, appliedSequence: null, appliedVersion: null, reportedSequence: null, reason: null, agent: null },
  newestSequence: null,
  keyIds: null,
} as const;

/** A report that waits to be written. `lastSeen` is null in one that shows no sign of life: it stays as it was. */
export type Pending = Seen &
  Pick<RuntimeInstance, "environmentId" | "tokenId" | "keyPrefix" | "connection" | "liveUntil"> & {
    readonly lastSeen: Instant | null;
    /** A watch of it was opened here since the last one was written, and is open. */
    readonly opens: boolean;
  };

/** Changes nothing but how long an instance is live. */
export function renewed(instanceId: string): Seen {
  return { ...NOTHING_TOLD, instanceId, labels: {}, userAgent: null, source: null };
}

/**
 * The newer report over the older one: what it does not tell stays; a reason and a sequence belong to their state. One that was late,
 * and is about an older sequence, changes no state, unless what was told before is above all that the server has: of a lost history.
 */
export function merge(
  older: (Told & { readonly lastSeen: Instant | null; readonly opens?: boolean }) | null,
  newer: Pending,
): Pending {
  if (older === null) return newer;
  const before = sequenceOf(older);
  const isLost = newer.newestSequence !== null && before > newer.newestSequence;
  const isLate = !isLost && newer.reportedSequence !== null && newer.reportedSequence < before;
  const stated = newer.state === null || isLate ? older : newer;
  const keepsApplied =
    newer.appliedSequence === null || (isLate && (older.appliedSequence ?? 0) > newer.appliedSequence);
  const applied = keepsApplied ? older : newer;
  return {
    ...newer,
    opens: newer.opens || (older.opens === true && newer.connection !== null),
    state: stated.state,
    reason: stated.reason,
    reportedSequence: stated.reportedSequence ?? stated.appliedSequence,
    appliedSequence: applied.appliedSequence,
    appliedVersion: applied.appliedVersion,
    agent: newer.agent ?? older.agent,
    userAgent: newer.userAgent ?? older.userAgent,
    keyIds: newer.keyIds ?? older.keyIds,
    source: newer.source ?? older.source,
    lastSeen: newer.lastSeen ?? older.lastSeen,
    labels: Object.keys(newer.labels).length > 0 ? newer.labels : older.labels,
  };
}

/**
 * Where a watch of an instance is open, and until when it is live, when another node that is there (`others`) is kept as the one that has it
 * open. What this node tells takes nothing away from that: the end of an older watch, a report that a balancer sent here, the renewal of a
 * connection that is dead and was not noticed yet. Only a watch that was opened here since then does.
 */
export function heldBy(
  kept: Pick<RuntimeInstance, "connection" | "liveUntil"> | null,
  newer: Pending,
  others: ReadonlySet<string>,
): { readonly connection: string | null; readonly liveUntil: Instant; readonly isElsewhere: boolean } {
  const { connection, liveUntil } = newer;
  const isElsewhere = !newer.opens && kept !== null && kept.connection !== null && others.has(kept.connection);
  if (!isElsewhere) return { connection, liveUntil, isElsewhere };
  const latest = kept.liveUntil > liveUntil ? kept.liveUntil : liveUntil;
  return { connection: kept.connection, liveUntil: latest, isElsewhere };
}

/** What an instance's state is about. Rows of before there was `reportedSequence` have what was applied. */
function sequenceOf({ reportedSequence, appliedSequence }: Told): number {
  return reportedSequence ?? appliedSequence ?? 0;
}
