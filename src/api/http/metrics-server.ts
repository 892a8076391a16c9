import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { endWith, pathOf, requestIdOf, type NodeRequest, type NodeResponse } from "./node-http.js";
import { METRICS_PATH, refuseMethod, writeMetrics, type MetricsSource } from "./metrics-page.js";

/** Enough for a scraper or two, and a browser. */
const MAX_CONNECTIONS = 64;
const TIMEOUT_MS = 10_000;
const MAX_HEADER_BYTES = 8 * 1024;

/** `GET /metrics` without a token, on an address of its own. Disposing of it ends what is open. */
export interface MetricsServer extends AsyncDisposable {
  readonly address: AddressInfo;
}

/** Resolves when it listens; rejects with Node's own error when it cannot. */
export async function startMetricsServer(host: string, port: number, source: MetricsSource): Promise<MetricsServer> {
  const limits = { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: TIMEOUT_MS, requestTimeout: TIMEOUT_MS };
  const server = createServer({ ...limits, keepAliveTimeout: 2 * 60_000 }, (req, res) => {
    res.on("error", () => undefined);
    void answer(req, res, source).catch(() => res.destroy());
  });
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  // A connection that could not be accepted, for want of a descriptor: it must not end the process.
  server.on("error", () => undefined);
  return {
    address: server.address() as AddressInfo,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(req: NodeRequest, res: NodeResponse, source: MetricsSource): Promise<void> {
  if (pathOf(req) !== METRICS_PATH) {
    endWith(res, 404, { "content-type": "text/plain" }, Buffer.from(`only ${METRICS_PATH} is here\n`));
    return;
  }
  if (refuseMethod(req, res, requestIdOf(req))) return;
  await writeMetrics(req, res, source);
}
