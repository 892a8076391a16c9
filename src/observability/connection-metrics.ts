import { Gauge, type Registry } from "prom-client";
import type { ConnectionCounts } from "../api/listener/connections.js";

/** Connections of the main port, counted when somebody scrapes. */
export function createConnectionMetrics(registry: Registry, read: () => ConnectionCounts): void {
  new Gauge({
    name: "signet_connections_open",
    help: "Connections of the main port, by whether they have presented a valid token.",
    labelNames: ["authenticated"],
    registers: [registry],
    collect() {
      const { authenticated, unauthenticated } = read();
      this.set({ authenticated: "true" }, authenticated);
      this.set({ authenticated: "false" }, unauthenticated);
    },
  });
}
