import type { Environment, Hold } from "../../core/organization.js";
import type { Principal } from "../../core/token.js";
import type { Store, Writer } from "../../store/store.js";
import { requireChangeable, visibleEnvironment, type EnvironmentPath } from "../access/access.js";
import { actorData, type Audit } from "../audit/audit.js";
import type { Outbox } from "../changes/outbox.js";

interface HoldsDeps {
  readonly store: Store;
  readonly audit: Audit;
  readonly outbox: Outbox;
}

/** Holds: until it is released, no publication, promotion or activation changes the active bundle of an environment. */
export class Holds {
  constructor(private readonly deps: HoldsDeps) {}

  /** Records a hold in the transaction of its activation. `environment` is the state before. */
  async recordIn(tx: Writer, caller: Principal, environment: Environment, version: number, hold: Hold): Promise<void> {
    await this.#tell(tx, caller, "environment.held", environment, { version, reason: hold.reason });
  }

  /** Ends a hold, if there is one. Returns the environment. */
  async release(caller: Principal, path: EnvironmentPath): Promise<Environment> {
    const { store, outbox } = this.deps;
    const released = await store.write(async (tx) => {
      const environment = await visibleEnvironment(tx, caller, path);
      requireChangeable(caller, environment.name);
      const { hold, activeVersion } = environment;
      if (hold === null) return environment;
      const free: Environment = { ...environment, hold: null };
      await tx.updateEnvironment(free);
      const held = { held_by: hold.by, held_since: hold.since, reason: hold.reason };
      await this.#tell(tx, caller, "environment.released", environment, { version: activeVersion, ...held });
      return free;
    });
    outbox.committed();
    return released;
  }

  async #tell(
    tx: Writer,
    caller: Principal,
    type: "environment.held" | "environment.released",
    { id, orgId, projectId, name }: Environment,
    more: Readonly<Record<string, string | number | null>>,
  ): Promise<void> {
    const { audit, outbox } = this.deps;
    const metadata = { project_id: projectId, environment: name, ...more };
    await audit.record(tx, orgId, caller, { action: type, resourceType: "environment", resourceId: id, metadata });
    const project = await tx.project(orgId, projectId);
    const data = { org_id: orgId, ...metadata, project: project?.slug ?? null, ...actorData(caller) };
    await outbox.emit(tx, { orgId, environmentId: id, type, data });
  }
}
