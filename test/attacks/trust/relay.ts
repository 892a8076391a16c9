import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { RuntimeService, type WatchBundleResponse } from "../../../gen/signet/v1/runtime_pb.js";
import { formatAttestation, parseAttestation, type Attestation } from "../../../src/bundle/trust/attestation.js";
import { createSignetClient } from "../../../src/sdk/index.js";
import { openNodeTransport } from "../../../src/sdk/node.js";

/** What an attacker makes of what passes. What it does not name passes as it is. */
export interface Attack {
  /** Of an attestation that has an activation. Null: takes it away. */
  readonly attestation?: (genuine: Attestation) => Attestation | null;
  /** Of the content's text. */
  readonly content?: (genuine: string) => string;
  /** Of the answers to GET /v1/bundles/latest; over HTTP alone. */
  readonly document?: (genuine: string) => string;
  /** Of a root's envelope. Null: withholds it. */
  readonly root?: (version: number, genuine: string) => string | null;
  /** Of every message of a watch and every answer to a poll: none passes any more. */
  readonly isFrozen?: boolean;
}

/** An attacker between a runtime and a real server. */
export interface Relay extends AsyncDisposable {
  readonly url: string;
  /** Null: all passes. */
  attack: Attack | null;
  /** Ends all connections. */
  cut(): void;
}

/** A relay that speaks gRPC (`grpc`) or HTTP/1.1 (for server-sent events and polls) to the runtime, and the same to the server. */
export async function startRelay(kind: "grpc" | "http", target: string, token: string): Promise<Relay> {
  return kind === "grpc" ? await startGrpcRelay(target, token) : await startHttpRelay(target);
}

function attested(attack: Attack | null, text: string | undefined): string | undefined {
  if (attack === null || text === undefined) return text;
  const genuine = parseAttestation(text);
  // A lease alone would tell of the attack before the attack does.
  if (genuine.activation === null) return undefined;
  if (attack.attestation === undefined) return text;
  const forged = attack.attestation(genuine);
  return forged === null ? undefined : formatAttestation(forged);
}

async function startGrpcRelay(target: string, token: string): Promise<Relay> {
  const connection = openNodeTransport({ url: target, timeoutMs: 60_000 });
  const { runtimes } = createSignetClient({ transport: connection.transport, token });
  const state: { attack: Attack | null } = { attack: null };
  const passed = (message: WatchBundleResponse): WatchBundleResponse | null => {
    const { attack } = state;
    const { event } = message;
    if (attack?.isFrozen === true) return null;
    if (event.case === "trustRoot" && attack?.root !== undefined) {
      const envelope = attack.root(event.value.version, event.value.envelope);
      if (envelope === null) return null;
      event.value.envelope = envelope;
    } else if (event.case === "activation" || event.case === "heartbeat") {
      const forged = attested(attack, event.value.attestation);
      if (forged === undefined) delete event.value.attestation;
      else event.value.attestation = forged;
      if (event.case === "activation" && event.value.content !== undefined) {
        event.value.content = attack?.content?.(event.value.content) ?? event.value.content;
      }
    }
    return message;
  };
  const server = http2.createServer(
    connectNodeAdapter({
      routes(router) {
        router.service(RuntimeService, {
          async *watchBundle(request, { signal }) {
            for await (const message of runtimes.watchBundle(request, { signal, timeoutMs: 0 })) {
              const forged = passed(message);
              if (forged !== null) yield forged;
            }
          },
          reportStatus: (request) => runtimes.reportStatus(request),
        });
      },
    }),
  );
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on("session", (session: http2.ServerHttp2Session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const cut = () => {
    for (const session of sessions) session.destroy();
  };
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
      connection[Symbol.dispose]();
    },
  });
}

async function startHttpRelay(target: string): Promise<Relay> {
  const state: { attack: Attack | null } = { attack: null };
  const server = http.createServer((request, response) => {
    const onward = http.request(new URL(request.url ?? "", target), {
      method: request.method,
      headers: request.headers,
    });
    onward.on("response", (answer) => {
      answer.on("error", () => response.destroy());
      void pass(state, target, request, answer, response).catch(() => response.destroy());
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

interface State {
  readonly attack: Attack | null;
}

async function pass(
  state: State,
  target: string,
  request: http.IncomingMessage,
  answer: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const { attack } = state;
  const { "content-length": _length, "content-digest": _digest, "signet-lease": lease, ...headers } = answer.headers;
  const status = answer.statusCode ?? 502;
  if (String(headers["content-type"]).startsWith("text/event-stream")) {
    response.writeHead(status, headers);
    return await passEvents(state, answer, response);
  }
  const body = await textOf(answer);
  const [path = ""] = (request.url ?? "").split("?");
  const isPoll = path === "/v1/bundles/latest/attestation";
  // Held until the runtime gives up.
  if (attack?.isFrozen === true && isPoll) return;
  const [, version] = /^\/v1\/trust\/roots\/(\d+)$/.exec(path) ?? [];
  if (version !== undefined && status === 200 && attack?.root !== undefined) {
    const envelope = attack.root(Number(version), body);
    if (envelope !== null) response.writeHead(200, headers).end(envelope);
    else await passNothing(request.headers, target, response);
    return;
  }
  const leased = attack === null && lease !== undefined ? { "signet-lease": lease } : {};
  response.writeHead(status, { ...headers, ...leased });
  if (status !== 200) response.end(body);
  else if (isPoll) response.end(attested(attack, body) ?? "{}");
  else if (path === "/v1/bundles/latest") response.end(attack?.document?.(body) ?? body);
  else if (path === "/v1/bundles/latest/content") response.end(attack?.content?.(body) ?? body);
  else response.end(body);
}

/** The server's own answer to who asks for a root that there is not. */
async function passNothing(
  { authorization }: http.IncomingHttpHeaders,
  target: string,
  response: http.ServerResponse,
): Promise<void> {
  const answer = await fetch(`${target}/v1/trust/roots/999999`, { headers: { authorization: String(authorization) } });
  response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
  response.end(await answer.text());
}

interface EventJson {
  trust_root?: { version: number; envelope: unknown } | null;
  activation?: { attestation?: unknown; content?: string } | null;
  heartbeat?: { attestation?: unknown } | null;
}

async function passEvents(state: State, answer: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  for await (const line of createInterface({ input: answer })) {
    const { attack } = state;
    if (attack?.isFrozen === true) continue;
    const data = line.startsWith("data:") ? line.slice(5) : null;
    const forged = data === null || attack === null ? line : forgedEvent(attack, data);
    if (forged !== null) response.write(`${forged}\n`);
  }
  response.end();
}

function forgedEvent(attack: Attack, data: string): string | null {
  const event = JSON.parse(data) as EventJson;
  const { trust_root: root, activation, heartbeat } = event;
  if (root && attack.root !== undefined) {
    const envelope = attack.root(root.version, JSON.stringify(root.envelope));
    if (envelope === null) return null;
    root.envelope = JSON.parse(envelope);
  }
  const proven = activation ?? heartbeat;
  if (proven?.attestation !== undefined) {
    const forged = attested(attack, JSON.stringify(proven.attestation));
    proven.attestation = forged === undefined ? null : JSON.parse(forged);
  }
  if (activation?.content !== undefined)
    activation.content = attack.content?.(activation.content) ?? activation.content;
  return `data: ${JSON.stringify(event)}`;
}

async function textOf(answer: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
