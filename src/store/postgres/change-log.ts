import type { Kysely } from "kysely";
import type { NodeChange } from "../change-feed.js";
import { markOf } from "../high-water-marks.js";
import { createWriter } from "../queries/writer.js";
import type { Schema } from "../schema.js";
import type { Writer } from "../store.js";
import type { GroupWriter } from "../transactions/group-commit.js";
import type { CommitLog } from "./commit-log.js";

/** What other nodes must hear of a call of the Writer; null for what no node keeps in memory. */
type Told<Method extends keyof Writer> = ((...parameters: Parameters<Writer[Method]>) => readonly NodeChange[]) | null;

const OUTBOX: readonly NodeChange[] = [{ kind: "outbox" }];
const KEYS: readonly NodeChange[] = [{ kind: "keys" }];

function environment(id: string): readonly NodeChange[] {
  return [{ kind: "environment", id }];
}

function tenancy(of: string): readonly NodeChange[] {
  return [{ kind: "tenancy", of }];
}

/** The methods of the Writer that change something of that which nodes keep in memory; a test looks at all the others. */
export const TOLD = {
  insertProject: ({ id, orgId }) => [{ kind: "project", id, orgId }],
  insertEnvironment: ({ projectId, orgId }) => [{ kind: "project", id: projectId, orgId }],
  updateOrganization: ({ id }) => tenancy(id),
  deleteOrganization: (id) => tenancy(id),
  deleteProject: (id) => tenancy(id),
  deleteEnvironment: (id) => [...environment(id), ...tenancy(id)],
  updateEnvironment: (state) => [{ kind: "environment", id: state.id, numbers: markOf(state) }],
  skipNumbers: (id) => environment(id),
  updateToken: ({ id }) => [{ kind: "token", id }],
  // Streams of a session that ended end on other nodes too.
  deleteConsoleSession: ({ tokenId }) => [{ kind: "token", id: tokenId }],
  limitConsoleSessions: (id) => [{ kind: "token", id }],
  insertWebhook: ({ id, orgId }) => [{ kind: "webhook", id, orgId }],
  updateWebhook: ({ id, orgId }) => [{ kind: "webhook", id, orgId }],
  putDelivery: (_delivery, { id, orgId }) => [{ kind: "webhook", id, orgId }],
  insertDeliveries: (deliveries) => deliveries.map(({ webhookId }) => ({ kind: "delivery", webhookId })),
  updateDelivery: ({ webhookId }) => [{ kind: "delivery", webhookId }],
  insertAuditEvent: ({ orgId }) => [{ kind: "audit", orgId }],
  insertTrustRoot: ({ projectId }) => [{ kind: "trust", projectId }],
  insertEvent: () => OUTBOX,
  putPublicKey: () => KEYS,
  retirePublicKey: () => KEYS,
  putSealedKey: () => KEYS,
  deleteSealedKey: () => KEYS,
} satisfies { readonly [Method in keyof Writer]?: Told<Method> };

/** A writer that tells the log of its transaction what other nodes must hear of, after each work that went through. */
export function loggingWriter(db: Kysely<Schema>, log: CommitLog): GroupWriter {
  const writer = createWriter(db);
  let pending: NodeChange[] = [];
  const logged = { ...writer } as Record<string, unknown>;
  for (const [name, told] of Object.entries(TOLD)) {
    const method = writer[name as keyof typeof TOLD] as (...parameters: unknown[]) => Promise<unknown>;
    const changesOf = told as (...parameters: unknown[]) => readonly NodeChange[];
    logged[name] = async (...parameters: unknown[]) => {
      pending.push(...changesOf(...parameters));
      return await method(...parameters);
    };
  }
  return {
    writer: logged as unknown as Writer,
    worked() {
      log.add(pending);
      pending = [];
    },
  };
}
