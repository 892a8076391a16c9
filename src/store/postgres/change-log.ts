import type { Kysely } from "kysely";
import type { NodeChange } from "../change-feed.js";
import { markOf } from "../high-water-marks.js";
import { preparedInsert } from "../queries/prepared.js";
import { createWriter } from "../queries/writer.js";
import type { NewRow, Schema } from "../schema.js";
import type { Writer } from "../store.js";
import type { GroupWriter } from "../transactions/group-commit.js";

/** What other nodes must hear of a call of the Writer; null for what no node keeps in memory. */
type Told<Method extends keyof Writer> = ((...parameters: Parameters<Writer[Method]>) => readonly NodeChange[]) | null;

const OUTBOX: readonly NodeChange[] = [{ kind: "outbox" }];
const TENANCY: readonly NodeChange[] = [{ kind: "tenancy" }];
const KEYS: readonly NodeChange[] = [{ kind: "keys" }];

function environment(id: string): readonly NodeChange[] {
  return [{ kind: "environment", id }];
}

/** The methods of the Writer that change something of that which nodes keep in memory; a test looks at all the others. */
export const TOLD = {
  updateOrganization: () => TENANCY,
  deleteOrganization: () => TENANCY,
  deleteProject: () => TENANCY,
  deleteEnvironment: (id) => [...environment(id), ...TENANCY],
  updateEnvironment: (state) => [{ kind: "environment", id: state.id, numbers: markOf(state) }],
  skipNumbers: (id) => environment(id),
  updateToken: ({ id }) => [{ kind: "token", id }],
  insertWebhook: ({ id, orgId }) => [{ kind: "webhook", id, orgId }],
  updateWebhook: ({ id, orgId }) => [{ kind: "webhook", id, orgId }],
  insertEvent: () => OUTBOX,
  putPublicKey: () => KEYS,
  retirePublicKey: () => KEYS,
  putSealedKey: () => KEYS,
  deleteSealedKey: () => KEYS,
} satisfies { readonly [Method in keyof Writer]?: Told<Method> };

/**
 * A writer that adds a row to the log of changes for what other nodes must hear of, in the part of the transaction that it belongs to.
 *
 * @param onLogged called when there are rows to tell of after the commit
 */
export function loggingWriter(db: Kysely<Schema>, nodeId: string, onLogged: () => void): GroupWriter {
  const writer = createWriter(db);
  const pending = new Map<string, NewRow<"node_changes">>();
  const logged = { ...writer } as Record<string, unknown>;
  for (const [name, told] of Object.entries(TOLD)) {
    const method = writer[name as keyof typeof TOLD] as (...parameters: unknown[]) => Promise<unknown>;
    const changesOf = told as (...parameters: unknown[]) => readonly NodeChange[];
    logged[name] = async (...parameters: unknown[]) => {
      for (const { kind, ...rest } of changesOf(...parameters)) {
        const ref = JSON.stringify(rest);
        pending.set(`${kind} ${ref}`, { origin: nodeId, kind, ref });
      }
      return await method(...parameters);
    };
  }
  return {
    writer: logged as unknown as Writer,
    async worked() {
      if (pending.size === 0) return;
      const rows = [...pending.values()];
      pending.clear();
      onLogged();
      await insertRows(db, rows);
    },
  };
}

/** Rows in one statement: a promotion to many targets changes hundreds of environments. */
const CHUNK = 500;
/** So many are not waited for, but sent one by one. */
const FEW = 8;

const insert = preparedInsert("node_changes");

async function insertRows(db: Kysely<Schema>, rows: readonly NewRow<"node_changes">[]): Promise<void> {
  if (rows.length <= FEW) {
    for (const row of rows) await insert(db, row);
    return;
  }
  for (let start = 0; start < rows.length; start += CHUNK) {
    await db
      .insertInto("node_changes")
      .values(rows.slice(start, start + CHUNK))
      .execute();
  }
}

/** The change that a row tells of. */
export function changeOf({ kind, ref }: { readonly kind: string; readonly ref: string }): NodeChange {
  return { kind, ...(JSON.parse(ref) as object) } as NodeChange;
}
