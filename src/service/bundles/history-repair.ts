import type { Clock } from "../../core/clock.js";
import type { Deployment } from "../../core/bundle.js";
import type { Environment } from "../../core/organization.js";
import { isLost, type HighWaterMark, type HighWaterMarks } from "../../store/high-water-marks.js";
import type { Store, Writer } from "../../store/store.js";
import type { Audit } from "../audit/audit.js";
import { newLog } from "../audit/log/losses.js";
import type { ServiceWarnings } from "../changes/observers.js";
import type { Outbox } from "../changes/outbox.js";
import type { Wakeups } from "../changes/wakeups.js";
import { goOnIn } from "./history-loss.js";

/**
 * How far numbers are raised above those that this process knows: another one may have served more before the loss. They are told of each
 * other's commits within a second, in which there are some hundreds.
 */
export const STEP_ABOVE = 10_000;

const REASON = "the database lost changes that were acknowledged";

/** The dependencies of HistoryRepair. */
interface Deps {
  readonly store: Store;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly outbox: Outbox;
  readonly wakeups: Wakeups;
  readonly marks: HighWaterMarks;
  readonly warnings: Pick<ServiceWarnings, "historyLost">;
}

/**
 * Makes good that a database which several nodes share has lost commits, as after the failover to an asynchronous standby: an environment
 * that is behind what this node knows goes on above it, so that no number gets two contents, and its active bundle is activated again, so
 * that runtimes that are ahead take it. Any number of nodes may do it at once: the first one does, the others find nothing to do.
 */
export class HistoryRepair {
  constructor(private readonly deps: Deps) {
    deps.marks.repairBy((environmentId) => this.#repair(environmentId));
  }

  /** Looks whether the database lacks something that this node knows of an environment, and makes it good. Throws what the database throws. */
  async check(environmentId: string): Promise<void> {
    const { store, marks } = this.deps;
    // Taken before it is read: what is committed meanwhile is no loss.
    const mark = marks.of(environmentId);
    if (mark === null) return;
    const environment = await store.read.environmentById(environmentId);
    if (environment === null) marks.forget(environmentId);
    else if (isLost(mark, environment)) await marks.repair(environmentId);
  }

  async #repair(environmentId: string): Promise<void> {
    const { store, marks, outbox, wakeups, warnings } = this.deps;
    const mark = marks.of(environmentId);
    if (mark === null) return;
    const hasRepaired = await store.write(async (tx) => {
      const environment = await tx.environmentById(environmentId);
      if (environment === null || !isLost(mark, environment)) return false;
      await this.#goOn(tx, environment, mark);
      return true;
    });
    if (!hasRepaired) return;
    wakeups.wake(environmentId);
    outbox.committed();
    warnings.historyLost(environmentId, mark.sequence);
  }

  async #goOn(tx: Writer, environment: Environment, mark: HighWaterMark): Promise<void> {
    const { audit } = this.deps;
    const { id, orgId, projectId, name, sequence, lastVersion } = environment;
    const skipped = {
      sequences: Math.max(0, mark.sequence - sequence) + STEP_ABOVE,
      versions: Math.max(0, mark.version - lastVersion) + STEP_ABOVE,
    };
    const lost = { from_sequence: sequence, served_sequence: mark.sequence, served_version: mark.version };
    await audit.record(tx, orgId, "system", {
      ...{ action: "environment.history_lost", resourceType: "environment", resourceId: id },
      metadata: {
        ...{ project_id: projectId, environment: name, ...lost },
        ...{ skipped_sequences: skipped.sequences, skipped_versions: skipped.versions, ...newLog() },
      },
    });
    const deployment = await goOnIn(tx, this.deps, environment, { by: "system", skipped, reason: REASON });
    await this.#tell(tx, environment, deployment, lost);
  }

  async #tell(
    tx: Writer,
    { id, orgId, projectId, name }: Environment,
    deployment: Deployment | null,
    lost: Readonly<Record<string, number>>,
  ): Promise<void> {
    const project = await tx.project(orgId, projectId);
    await this.deps.outbox.emit(tx, {
      ...{ orgId, environmentId: id, type: "environment.history_lost" },
      data: {
        ...{ org_id: orgId, project_id: projectId, project: project?.slug ?? null, environment: name, ...lost },
        version: deployment?.version ?? null,
        sequence: deployment?.sequence ?? null,
        deployment_id: deployment?.id ?? null,
        policy_hash: deployment?.policyHash ?? null,
      },
    });
  }
}
