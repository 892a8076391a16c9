import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import http from "node:http";
import https from "node:https";
import { check, isObject } from "../bundle/verify-arguments.js";
import { Http2Pool } from "./node-http2-pool.js";
import { checkServer } from "./option-checks.js";
import type { NodeTransportOptions } from "./node-transport-options.js";

/** Both ways to a server, apart from each other. */
export interface NodeTransports extends Disposable {
  /** gRPC over HTTP/2: one connection, or more where the server takes no more streams on one. */
  readonly grpc: Transport;
  /** Connect over HTTP/1.1. */
  readonly connect: Transport;
  /** Of the connections of HTTP/1.1. */
  readonly agent: http.Agent;
}

/** As openNodeTransport, without the choice between them. Messages above `readMaxBytes` are refused before they are read. */
export function openNodeTransports(options: NodeTransportOptions, readMaxBytes?: number): NodeTransports {
  checkOptions(options);
  const { url, timeoutMs, tls = {} } = options;
  // Pings detect a dead connection sooner than the silence of a watch does.
  const pings = { pingIntervalMs: 30_000, pingTimeoutMs: 10_000 };
  const secure = { ...tls, minVersion: "TLSv1.2" } as const;
  const sessionManager = new Http2Pool(new URL(url).origin, () => new Http2SessionManager(url, pings, secure));
  const limits = { defaultTimeoutMs: timeoutMs, ...(readMaxBytes === undefined ? {} : { readMaxBytes }) };
  const grpc = createGrpcTransport({ baseUrl: url, sessionManager, ...limits });
  const agent = url.startsWith("https:") ? new https.Agent({ ...secure, keepAlive: true }) : keptAlive();
  const connect = createConnectTransport({
    ...{ baseUrl: url, httpVersion: "1.1", nodeOptions: { agent }, useBinaryFormat: true, ...limits },
  });
  const dispose = () => {
    sessionManager.abort();
    agent.destroy();
  };
  return { grpc, connect, agent, [Symbol.dispose]: dispose };
}

function checkOptions(options: NodeTransportOptions): void {
  check(isObject(options), "options", "an object");
  const { url, timeoutMs, tls = {} } = options;
  checkServer(url, timeoutMs);
  check(isObject(tls), "tls", "an object");
  for (const name of ["ca", "cert", "key"] as const) {
    check(["string", "undefined"].includes(typeof tls[name]), `tls.${name}`, "a PEM text");
  }
}

function keptAlive(): http.Agent {
  return new http.Agent({ keepAlive: true });
}
