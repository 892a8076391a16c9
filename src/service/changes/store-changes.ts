import type { NodeChange } from "../../store/change-feed.js";
import type { Store, Writer } from "../../store/store.js";

/** What was committed, here or on another node. `fleet` is of this process alone: instances of these environments reported. */
export type StoreChange = NodeChange | { readonly kind: "fleet"; readonly environmentIds: readonly string[] };

/** Hears of changes. No method may throw. */
export interface StoreListener {
  changed(changes: readonly StoreChange[]): void;
  /** Changes may have been missed. */
  missed(): void;
}

type Told<Method extends keyof Writer> = (...parameters: Parameters<Writer[Method]>) => readonly StoreChange[];

/** What each method of the Writer changes of that which people look at. */
const TELLS = {
  insertProject: ({ id, orgId }) => [{ kind: "project", id, orgId }],
  deleteProject: (id) => [{ kind: "tenancy", of: id }],
  deleteOrganization: (id) => [{ kind: "tenancy", of: id }],
  insertEnvironment: ({ id, orgId }) => [{ kind: "environment", id, orgId }],
  updateEnvironment: ({ id, orgId }) => [{ kind: "environment", id, orgId }],
  deleteEnvironment: (id) => [{ kind: "environment", id }],
  putInstances: (instances) => [
    { kind: "fleet", environmentIds: [...new Set(instances.map(({ environmentId }) => environmentId))] },
  ],
  insertDeliveries: (deliveries) => deliveries.map(({ webhookId }) => ({ kind: "delivery", webhookId })),
  updateDelivery: ({ webhookId }) => [{ kind: "delivery", webhookId }],
  putDelivery: (_delivery, { id }) => [{ kind: "delivery", webhookId: id }],
  insertWebhook: ({ id, orgId }) => [{ kind: "webhook", id, orgId }],
  updateWebhook: ({ id, orgId }) => [{ kind: "webhook", id, orgId }],
  deleteWebhook: (id) => [{ kind: "delivery", webhookId: id }],
  insertAuditEvent: ({ orgId }) => [{ kind: "audit", orgId }],
} satisfies { readonly [Method in keyof Writer]?: Told<Method> };

const TELLING = Object.entries(TELLS) as [keyof Writer, (...parameters: unknown[]) => readonly StoreChange[]][];

/**
 * Tells listeners what was committed, so that no use case has to: after the commit, before its caller knows of it. Carries ids alone and
 * keeps nothing; listeners read the newest state. Listen *before* reading, or a change falls between.
 */
export class StoreChanges {
  readonly #listeners = new Set<StoreListener>();

  /** Tells until it is disposed of. */
  listen(listener: StoreListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** What another node committed. */
  announce(changes: readonly StoreChange[]): void {
    if (changes.length > 0) for (const listener of this.#listeners) listener.changed(changes);
  }

  /** Changes of other nodes may have been missed. */
  missed(): void {
    for (const listener of this.#listeners) listener.missed();
  }

  /** The same store, whose commits are told. */
  observe(store: Store): Store {
    return {
      read: store.read,
      write: async (work) => {
        if (this.#listeners.size === 0) {
          const result = await store.write(work);
          // One who came meanwhile may have read before the commit.
          if (this.#listeners.size > 0) this.missed();
          return result;
        }
        let told: StoreChange[] = [];
        const result = await store.write((tx) => {
          // A work that is run again tells of its last run.
          told = [];
          return work(tellingWriter(tx, told));
        });
        this.announce(told);
        return result;
      },
      ping: () => store.ping(),
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    };
  }
}

/** A copy, which costs 4 µs: an object that becomes a prototype costs V8 more than ten times that, and there is one for each transaction. */
function tellingWriter(tx: Writer, told: StoreChange[]): Writer {
  const telling: Record<string, unknown> = { ...tx };
  for (const [name, changesOf] of TELLING) {
    const method = tx[name] as (...parameters: unknown[]) => Promise<unknown>;
    telling[name] = (...parameters: unknown[]) => {
      told.push(...changesOf(...parameters));
      return method(...parameters);
    };
  }
  return telling as unknown as Writer;
}
