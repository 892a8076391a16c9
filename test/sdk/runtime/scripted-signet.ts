import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ConnectError, ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import {
  RuntimeService,
  WatchBundleResponseSchema,
  type ReportStatusRequest,
  type WatchBundleRequest,
  type WatchBundleResponse,
} from "../../../gen/signet/v1/runtime_pb.js";
import { parseActivation } from "../../../src/bundle/trust/activation.js";
import { formatAttestation } from "../../../src/bundle/trust/attestation.js";
import { boundedEnvelope } from "../../../src/bundle/trust/threshold.js";
import type { Runtime } from "../../../src/sdk/index.js";
import { openRuntime, type NodeRuntimeOptions } from "../../../src/sdk/node.js";
import { ORG, PROJECT, signRoot, siteRoot, START, type Pack } from "../../vectors/make/objects.js";

export const IDENTITY = { orgId: ORG, projectId: PROJECT, environment: "prod" };

/** What a new stream is sent first: messages, or an error in their place. */
export type Script = (request: WatchBundleRequest) => readonly WatchBundleResponse[] | ConnectError;

/** A server that speaks Connect over HTTP/1.1 and says what a test wants. */
export class ScriptedSignet implements AsyncDisposable {
  readonly requests: WatchBundleRequest[] = [];
  readonly reports: ReportStatusRequest[] = [];
  /** What latest/attestation answers; empty: fails. */
  latest = "";
  /** Newest last: the next stream gets what it says. */
  script: Script = () => [];
  readonly #streams = new Set<{ send(message: WatchBundleResponse): void; end(): void }>();
  #server: Server | null = null;

  static async start(script: Script = () => []): Promise<ScriptedSignet> {
    const signet = new ScriptedSignet();
    signet.script = script;
    const server = createServer(connectNodeAdapter({ routes: (router) => signet.#routes(router) }));
    await once(server.listen(0, "127.0.0.1"), "listening");
    signet.#server = server;
    return signet;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server?.address() as AddressInfo).port}`;
  }

  /** To every open stream. */
  push(...messages: readonly WatchBundleResponse[]): void {
    for (const stream of this.#streams) for (const message of messages) stream.send(message);
  }

  /** Ends every open stream. */
  cut(): void {
    for (const stream of this.#streams) stream.end();
  }

  /** A runtime of this server that trusts version 1 of the root, and whose clock the test sets. */
  async runtime(options: Partial<NodeRuntimeOptions> = {}): Promise<Runtime> {
    return await openRuntime({
      url: this.url,
      token: "the-token",
      trust: { root: await signRoot(siteRoot()) },
      identity: IDENTITY,
      instanceId: "checkout-1",
      transports: ["connect"],
      backoff: { baseMs: 1, maxMs: 1, random: () => 0 },
      refusalBackoff: { baseMs: 1, maxMs: 1, random: () => 0 },
      now: () => new Date(START),
      ...options,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  #routes(router: ConnectRouter): void {
    const { requests, reports } = this;
    const script: Script = (request) => this.script(request);
    const streams = this.#streams;
    router.service(RuntimeService, {
      async *watchBundle(request, { signal }) {
        requests.push(request);
        const first = script(request);
        if (first instanceof Error) throw first;
        const waiting = [...first];
        let isOver = false;
        let wake = () => undefined as void;
        const stream = {
          send: (message: WatchBundleResponse) => (waiting.push(message), wake()),
          end: () => ((isOver = true), wake()),
        };
        streams.add(stream);
        signal.addEventListener("abort", stream.end);
        while (!isOver || waiting.length > 0) {
          for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) yield next;
          if (!isOver) await new Promise<void>((resolve) => (wake = resolve));
        }
        streams.delete(stream);
      },
      reportStatus(request) {
        reports.push(request);
        return {};
      },
      getLatestAttestation: () => ({ attestation: this.latest }),
    });
  }
}

/** The push of a pack, as a server sends it. */
export function activationOf(
  parts: Pack,
  changes: { content?: string; attestation?: string } = {},
): WatchBundleResponse {
  const { sequence, deploymentId, version, kind } = parseActivation(boundedEnvelope(parts.activation).payload);
  const value = {
    ...{ sequence, deploymentId, version, kind, policyHash: "", activatedAt: timestampFromDate(new Date(START)) },
    attestation: formatAttestation({ ...parts, proof: null }),
    content: new TextDecoder().decode(parts.content),
    ...changes,
  };
  return create(WatchBundleResponseSchema, { sequence, deploymentId, event: { case: "activation", value } });
}

/** A heartbeat with the lease of a pack. */
export function heartbeatOf({ lease, activation }: Pack): WatchBundleResponse {
  const { sequence, deploymentId } = parseActivation(boundedEnvelope(activation).payload);
  const value = { attestation: `{"lease":${lease}}` };
  return create(WatchBundleResponseSchema, { sequence, deploymentId, event: { case: "heartbeat", value } });
}

/** The push of a root. */
export function rootOf(version: number, envelope: string): WatchBundleResponse {
  return create(WatchBundleResponseSchema, { event: { case: "trustRoot", value: { version, envelope } } });
}

/** Resolves when the condition holds: looked at after each change of a runtime's state or policies, and of the reports. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
