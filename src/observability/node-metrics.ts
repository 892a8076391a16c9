import { Counter, Gauge, type Registry } from "prom-client";
import { NODE_STATES, type NodeState } from "../core/cluster/server-node.js";

/** The server processes of the database, and what this one hears of the others. */
export interface NodeFigures {
  /** Those that told something within the last hour, by whether they are there. The same on every node. */
  readonly counts: () => Promise<Readonly<Record<NodeState, number>>>;
  /** For how long it has not looked at what the others changed; null where there are none. */
  readonly lagMs: () => number | null;
  /** How often the connection was lost by which it hears of changes at once. */
  readonly listenerLosses: () => number;
}

/** The nodes of the database. While it cannot be read, the last counts stay. */
export function createNodeMetrics(registry: Registry, { counts, lagMs, listenerLosses }: NodeFigures): void {
  const registers = [registry];
  new Gauge({
    ...{ name: "signet_nodes", help: "Server processes of the database, by state.", labelNames: ["state"], registers },
    async collect() {
      const found = await counts().catch(() => null);
      if (found !== null) for (const state of NODE_STATES) this.set({ state }, found[state]);
    },
  });
  new Gauge({
    name: "signet_database_heard_seconds",
    help: "Time since the last look at what other nodes changed; 0 on SQLite.",
    registers,
    collect() {
      this.set((lagMs() ?? 0) / 1000);
    },
  });
  new Counter({
    name: "signet_database_listener_losses_total",
    help: "Lost connections by which it hears of other nodes' changes at once; it looks each quarter of a second without.",
    registers,
    collect() {
      this.reset();
      this.inc(listenerLosses());
    },
  });
}
