import { systemClock, type Clock } from "../../../src/core/clock.js";
import type { DataDirectory } from "../../../src/server/database/data-directory.js";
import { createAudit, type Audit } from "../../../src/service/audit/audit.js";
import { keepPublicKeys } from "../../../src/service/keys/key-records.js";
import { KeyRing } from "../../../src/service/keys/key-ring.js";
import { keyEventRecorder } from "../../../src/service/rotation/key-events.js";
import { anOrganization } from "../../store/sample.js";

/** Gives a new data directory an organization and the records of its keys, as a first start does. */
export async function makeFirst(directory: DataDirectory): Promise<void> {
  const { store, keys, lastKeys } = directory;
  await store.write((tx) => tx.insertOrganization({ ...anOrganization(), isOperator: true }));
  await keepPublicKeys(store, systemClock, keys, lastKeys, keyEventRecorder(auditOf(directory, systemClock)));
}

/** The audit of a data directory. */
export function auditOf({ store, keys }: DataDirectory, clock: Clock): Audit {
  return createAudit({ store, clock, signer: keys.audit, ring: new KeyRing({ store, keys }) });
}
