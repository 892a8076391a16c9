import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import { METRICS_PATH } from "../api/http/metrics-page.js";
import { startMetricsServer } from "../api/http/metrics-server.js";
import type { Config } from "../config/config.js";
import { openObservability, type Observability } from "../observability/observability.js";
import { listenError } from "./listen-error.js";
import { VERSION } from "../assets/version.js";

/** The metrics and traces that a configuration asks for. */
export async function observabilityOf(config: Config, log: Logger): Promise<Observability> {
  const { otlpEndpoint: url, traceRatio: ratio } = config;
  return await openObservability({
    version: VERSION,
    traces: url === null ? null : { url, ratio },
    onExport: (error) =>
      error === null ? log.info("traces are sent again") : log.warn({ reason: error.message }, "traces cannot be sent"),
  });
}

/** The metrics page on an address of its own, without a token. */
export interface MetricsListener extends AsyncDisposable {
  readonly url: string;
}

/** Null when none is configured. Rejects as {@link listenError} says when it cannot listen. */
export async function openMetricsListener(
  { metricsAddress }: Config,
  { metrics }: Observability,
): Promise<MetricsListener | null> {
  if (metricsAddress === null) return null;
  const { host, port } = metricsAddress;
  const server = await startMetricsServer(host, port, metrics).catch((thrown: unknown) => {
    const flag = "--metrics-address (SIGNET_METRICS_ADDRESS)";
    throw listenError(thrown, metricsAddress, { host: flag, port: flag });
  });
  return {
    url: `${urlOf("http", server.address)}${METRICS_PATH}`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** `SCHEME://HOST:PORT`, with brackets around an IPv6 address. */
export function urlOf(scheme: "http" | "https", { address, port }: Pick<AddressInfo, "address" | "port">): string {
  return `${scheme}://${address.includes(":") ? `[${address}]` : address}:${port}`;
}
