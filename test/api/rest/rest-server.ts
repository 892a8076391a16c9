import { once } from "node:events";
import { createServer, request, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import type { DescMethod } from "@bufbuild/protobuf";
import { createMethodImplSpec, type HandlerContext, type MethodImpl, type MethodImplSpec } from "@connectrpc/connect";
import { onTestFinished } from "vitest";
import type { Admission, RequestHead } from "../../../src/api/admission/admission.js";
import { guardMethod } from "../../../src/api/admission/guard.js";
import { ID_NAMES } from "../admission/names.js";
import { AnswerMemory } from "../../../src/api/http/answer-memory.js";
import { BodyMemory } from "../../../src/api/http/body-memory.js";
import type { RestOutcome } from "../../../src/api/rest/rest-contract.js";
import type { NodeRequest, NodeResponse } from "../../../src/api/http/node-http.js";
import { operationOf } from "../../../src/api/admission/operations.js";
import { createRestHandler } from "../../../src/api/rest/handler.js";
import type { ScanJsonFor } from "../../../src/api/http/scan-json.js";
import { scanStrictJson } from "../../../src/bundle/strict-json.js";
import type { Principal } from "../../../src/core/token.js";

const PRINCIPAL: Principal = {
  tokenId: 1,
  tokenName: null,
  keyPrefix: "sgn_test",
  keyType: "admin",
  orgId: "o",
  keyHash: "00".repeat(32),
  isOperator: false,
  projectId: null,
  environmentId: null,
  environments: [],
  scopes: ["read", "write", "bundle:publish", "org:admin"],
  expiresAt: null,
};

/** What was asked at the door. */
export interface Admitted {
  readonly method: string;
  readonly head: RequestHead;
  readonly orgId: string | undefined;
}

export interface RestFixture {
  readonly port: number;
  readonly admitted: readonly Admitted[];
  /** Resolves to what the handler told of the requests so far, once there are so many. */
  outcomes(count: number): Promise<readonly RestOutcome[]>;
  readonly shutdown: AbortController;
  send(options: SendOptions): Promise<Answer>;
  /** The head of an answer, whose body goes on. */
  open(options: SendOptions): Promise<IncomingMessage>;
}

export interface SendOptions {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** In chunks, without Content-Length. */
  readonly chunked?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

export interface FixtureOptions {
  readonly maxBodyBytes?: number;
  /** Throws what the door refuses with. */
  readonly refuse?: () => Error | undefined;
  readonly http2?: boolean;
}

export function implement<M extends DescMethod>(method: M, impl: MethodImpl<M>): MethodImplSpec {
  return guardMethod(createMethodImplSpec(method, impl), {
    ...{ onRefused: () => undefined, names: ID_NAMES, diskRefusal: () => null },
  });
}

/** A REST server of the test's own on any free port; closed when the test is over. */
export async function startRest(
  methods: readonly MethodImplSpec[],
  options: FixtureOptions = {},
): Promise<RestFixture> {
  const admitted: Admitted[] = [];
  const outcomes: RestOutcome[] = [];
  const shutdown = new AbortController();
  let told: () => void = () => undefined;
  const admission: Admission = {
    async admit(method, head, orgId) {
      admitted.push({ method: method.name, head, orgId });
      head.onRate({ limit: 10, remaining: 9, resetSeconds: 1 });
      const refusal = options.refuse?.();
      if (refusal !== undefined) throw refusal;
      const { requestId, clientAddress } = head;
      return { requestId, clientAddress, operation: operationOf(method), principal: PRINCIPAL };
    },
    admitKnown: () => undefined,
  };
  const { maxBodyBytes = 1_000_000 } = options;
  const scan: ScanJsonFor = () => async (text, rules) => scanStrictJson(text, rules);
  const bodyMemory = new BodyMemory(64 * 1024 * 1024, maxBodyBytes);
  const answerMemory = new AnswerMemory(64 * 1024 * 1024, { refused: () => undefined });
  const handler = createRestHandler({ methods, admission, watch: null, maxBodyBytes, bodyMemory, answerMemory, scan });
  const listener = (req: NodeRequest, res: NodeResponse) => {
    const onRate = ({ limit }: { limit: number }) => void res.setHeader("X-RateLimit-Limit", String(limit));
    const requestId = "req-1";
    const report = { requestId, protocol: "rest", error: undefined } as const;
    const context = { requestId, clientAddress: "192.0.2.1", onRate, report, shutdownSignal: shutdown.signal };
    void handler(req, res, context).then((outcome) => {
      outcomes.push(outcome);
      told();
    });
  };
  const server = options.http2 ? createHttp2Server(listener) : createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.close();
    if ("closeAllConnections" in server) server.closeAllConnections();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo;
  const open = (sent: SendOptions) => openRequest(port, sent);
  return {
    port,
    admitted,
    async outcomes(count) {
      while (outcomes.length < count) await new Promise<void>((resolve) => (told = resolve));
      return outcomes;
    },
    shutdown,
    open,
    async send(sent) {
      const response = await open(sent);
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      const json = text.startsWith("{") ? (JSON.parse(text.split("\n")[0] ?? "") as Record<string, unknown>) : {};
      return { status: response.statusCode ?? 0, headers: response.headers, text, json };
    },
  };
}

function openRequest(port: number, { method = "GET", path, headers = {}, body, chunked = false }: SendOptions) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const framing = chunked ? { "transfer-encoding": "chunked" } : lengthOf(body);
    const sent = request({ port, host: "127.0.0.1", method, path, headers: { ...framing, ...headers }, agent: false });
    let answered = false;
    // A server that refuses a body may close while it is sent; what counts is its answer.
    sent.on("error", (error) => answered || reject(error));
    sent.once("response", (response) => {
      answered = true;
      resolve(response);
    });
    sent.end(body);
  });
}

function lengthOf(body: string | Uint8Array | undefined): Record<string, string> {
  return body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
}

/** The context that an implementation was called with. */
export interface Captured {
  context?: HandlerContext;
  request?: unknown;
  calls: number;
}
