import http from "node:http";
import https from "node:https";
import type { NodeTransportTls } from "../../node-transport-options.js";
import { openNodeTransports, type NodeTransports } from "../../node-transports.js";
import type { HttpSend } from "../ways/http.js";
import type { PathMemory } from "../ways/ladder.js";
import { nodeVerifier, sha256Hex } from "./node-verifier.js";
import type { Platform, ServerConnection } from "../platform.js";

/** For calls that are no watch. */
const CALL_TIMEOUT_MS = 10_000;

/** Above the largest content and its attestation. */
const MAX_MESSAGE_BYTES = 20 * 1024 * 1024;

/** Runtimes on one HTTP/2 connection: below the streams that a server allows, with room for calls beside the watches. */
const MAX_SHARING = 100;

/** The connections to one server, and what is known of the path to it. */
interface Server {
  readonly paths: Map<string, PathMemory>;
  readonly shared: Set<Shared>;
}

interface Shared {
  readonly transports: NodeTransports;
  users: number;
}

/** By URL and certificates. What is known of a path is kept when nobody is connected. */
const servers = new Map<string, Server>();

/** Node: gRPC and HTTP/1.1 on connections that the runtimes of a process share. */
export function createNodePlatform(url: string, tls: NodeTransportTls | undefined): Platform {
  return { verifier: nodeVerifier, sha256Hex, connect: () => share(url, tls) };
}

function share(url: string, tls: NodeTransportTls | undefined): ServerConnection {
  const key = JSON.stringify([url, tls?.ca, tls?.cert, tls?.key]);
  const server = servers.get(key) ?? { paths: new Map<string, PathMemory>(), shared: new Set<Shared>() };
  servers.set(key, server);
  let connection = [...server.shared].find(({ users }) => users < MAX_SHARING);
  if (connection === undefined) {
    connection = {
      transports: openNodeTransports({ url, timeoutMs: CALL_TIMEOUT_MS, ...(tls && { tls }) }, MAX_MESSAGE_BYTES),
      users: 0,
    };
    server.shared.add(connection);
  }
  connection.users += 1;
  const { transports } = connection;
  const used = connection;
  let isOver = false;
  return {
    rpc: [
      { name: "grpc", transport: transports.grpc },
      { name: "connect", transport: transports.connect },
    ],
    send: sendBy(transports.agent),
    paths: server.paths,
    [Symbol.dispose]() {
      if (isOver) return;
      isOver = true;
      used.users -= 1;
      if (used.users > 0) return;
      server.shared.delete(used);
      transports[Symbol.dispose]();
    },
  };
}

function sendBy(agent: http.Agent): HttpSend {
  return ({ method, url, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const by = url.startsWith("https:") ? https : http;
      const request = by.request(url, { method, headers: { ...headers }, agent, signal }, (answer) => {
        resolve({
          status: answer.statusCode ?? 0,
          header(name) {
            const value = answer.headers[name.toLowerCase()];
            return value === undefined ? null : String(value);
          },
          body: answer,
        });
      });
      request.on("error", reject);
      request.end(body);
    });
}
