import type { Logger } from "pino";
import type { DescMethod } from "@bufbuild/protobuf";
import type { RequestHead } from "../src/api/admission/admission.js";
import { AnswerMemory } from "../src/api/http/answer-memory.js";
import { BodyMemory } from "../src/api/http/body-memory.js";
import { MESSAGE_SLACK_BYTES } from "../src/api/admission/request-size.js";
import { createHttpServer } from "../src/api/http-server.js";
import { DEFAULT_LIMITS } from "../src/api/listener/limits.js";
import { createTlsTermination, type TlsTermination } from "../src/api/listener/tls-termination.js";
import { operationOf } from "../src/api/admission/operations.js";
import { scanStrictJson } from "../src/bundle/strict-json.js";
import { notFound } from "../src/core/error.js";
import type { Principal } from "../src/core/token.js";
import { NO_TRACING } from "../src/core/trace.js";
import type { ConformanceTypes } from "./descriptors.js";
import type { ServerCompatRequest } from "./messages.js";
import { createConformanceMethods } from "./service.js";

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;

/**
 * The suite's service where signet.v1 is otherwise: the same listener, TLS, dispatch, body checks, deadlines and protocols. Not here
 * are the credentials, which the suite's client does not have, and guard.ts, which turns every error into one of Signet's own.
 */
export async function openConformanceServer(types: ConformanceTypes, requested: ServerCompatRequest, logger: Logger) {
  const { messageReceiveLimit } = requested;
  const maxBodyBytes = messageReceiveLimit === 0 ? DEFAULT_MAX_BYTES : messageReceiveLimit - MESSAGE_SLACK_BYTES;
  const server = createHttpServer({
    methods: createConformanceMethods(types),
    admission: { admit: async (method, head) => callOf(method, head), admitTo: notServed, admitKnown: () => undefined },
    metrics: { contentType: "text/plain", render: notServed },
    observer: { finished: () => undefined },
    tracing: NO_TRACING,
    watch: null,
    polls: null,
    pages: [],
    scan: () => async (text, rules) => scanStrictJson(text, rules),
    rest: async (_req, res) => {
      res.statusCode = 404;
      res.end();
      return { status: 404 };
    },
    ...{ maxBodyBytes, bodyMemory: new BodyMemory(256 * 1024 * 1024, maxBodyBytes) },
    answerMemory: new AnswerMemory(256 * 1024 * 1024, { refused: () => undefined }),
    corsOrigins: [],
    publicUrls: [],
    consoleSessions: null,
    console: null,
    version: "conformance",
    ready: async () => true,
    logger,
    limits: DEFAULT_LIMITS,
    limitObserver: { refused: () => undefined },
    tls: requested.useTls ? termination(requested, logger) : null,
    proxyTrust: { hops: 0, header: "x-forwarded-for" },
  });
  const { port } = await server.listen("127.0.0.1", 0);
  return { port, close: () => server.close(0) };
}

/** The metrics page: the suite does not ask for it. */
async function notServed(): Promise<never> {
  throw notFound("page");
}

function termination({ serverCreds, clientTlsCert }: ServerCompatRequest, logger: Logger): TlsTermination {
  if (serverCreds === undefined) throw new Error("TLS without a certificate");
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
  return createTlsTermination({
    material: {
      cert: text(serverCreds.cert),
      key: text(serverCreds.key),
      clientCa: clientTlsCert.length === 0 ? null : text(clientTlsCert),
    },
    clientCertificates: "required",
    handshakeTimeoutMs: DEFAULT_LIMITS.firstBytesTimeoutMs,
    onRefused: (clientAddress, reason) => logger.info({ clientAddress, reason }, "TLS handshake failed"),
  });
}

const EVERYBODY: Principal = {
  tokenId: 1,
  tokenName: null,
  keyPrefix: "conformance",
  keyType: "admin",
  orgId: "",
  keyHash: "",
  isOperator: false,
  projectId: null,
  environmentId: null,
  environments: [],
  scopes: [],
  expiresAt: null,
};

function callOf(method: DescMethod, { requestId, clientAddress }: RequestHead) {
  return { requestId, clientAddress, operation: operationOf(method), principal: EVERYBODY };
}
