import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { createServiceImplSpec, type HandlerContext, type MethodImplSpec, type ServiceImpl } from "@connectrpc/connect";
import { EventEmitter, once } from "node:events";
import { Writable } from "node:stream";
import pino from "pino";
import { BundleSchema, BundleService, type PublishBundleRequest } from "../../../gen/signet/v1/bundle_pb.js";
import { RuntimeService, type WatchBundleResponseSchema } from "../../../gen/signet/v1/runtime_pb.js";
import { createAuthenticator } from "../../../src/api/admission/authenticator.js";
import { callOf } from "../../../src/api/admission/call.js";
import { guardMethod, type OnRefused } from "../../../src/api/admission/guard.js";
import { ID_NAMES } from "../admission/names.js";
import { requestConnection } from "../../../src/api/http/connection.js";
import { AnswerMemory } from "../../../src/api/http/answer-memory.js";
import { BodyMemory } from "../../../src/api/http/body-memory.js";
import type { ProxyTrust } from "../../../src/api/http/client-address.js";
import type { RestHandler } from "../../../src/api/rest/rest-contract.js";
import { createHttpServer } from "../../../src/api/http-server.js";
import { DEFAULT_LIMITS, type ListenerLimits } from "../../../src/api/listener/limits.js";
import { scanStrictJson } from "../../../src/bundle/strict-json.js";
import type { ConsoleBuild } from "../../../src/api/pages/console-pages.js";
import type { Page } from "../../../src/api/pages/pages.js";
import type { TlsTermination } from "../../../src/api/listener/tls-termination.js";
import type { FinishedRequest } from "../../../src/api/http/request-observer.js";
import type { LimitName, LimitObserver } from "../../../src/core/limit.js";
import { AppError } from "../../../src/core/error.js";
import { SCOPES, type KeyType, type Principal } from "../../../src/core/token.js";
import { NO_TRACING, type Tracing } from "../../../src/core/trace.js";

/** Raw keys of the rig. */
export const KEYS = { admin: "sgnt_admin_1", ci: "sgnt_ci_2", runtime: "sgnt_runtime_3" } as const;

export const ORG = "11111111-1111-4111-8111-111111111111";

export interface RigOptions {
  readonly requestsPerMinute: number;
  readonly failuresPerMinute: number;
  readonly maxRateKeys: number;
  /** Tokens that are in memory. */
  readonly known: ReadonlyMap<string, Principal>;
  readonly maxBodyBytes: number;
  readonly maxBodyMemoryBytes: number;
  readonly maxAnswerMemoryBytes: number;
  readonly corsOrigins: readonly string[];
  readonly publicUrls: readonly { readonly origin: string; readonly path: string }[];
  readonly console: { readonly build: ConsoleBuild | null } | null;
  readonly limits: ListenerLimits;
  readonly tracing: Tracing;
  readonly ready: () => Promise<boolean>;
  readonly readOnly: () => string | null;
  readonly diskRefusal: () => AppError | null;
  readonly pages: readonly Page[];
  readonly tls: TlsTermination | null;
  readonly proxyTrust: ProxyTrust;
  /** Shapes of methods that signet.v1 has none of; served beside those that it has, without their guard. */
  readonly methods: readonly MethodImplSpec[];
}

/** A server on a free port, with methods that record how they were called. */
export async function openRig(options: Partial<RigOptions> = {}) {
  const published: PublishBundleRequest[] = [];
  const contexts: HandlerContext[] = [];
  const authenticated: string[] = [];
  const refused: string[] = [];
  const finished: FinishedRequest[] = [];
  const limited = new Limited();
  const logLines: Record<string, unknown>[] = [];
  const gate = new Gate();

  const onRefused: OnRefused = ({ keyPrefix }, operationId, code) => {
    refused.push(`${keyPrefix} ${operationId} ${code}`);
  };

  const bundles: Partial<ServiceImpl<typeof BundleService>> = {
    async publishBundle(request: PublishBundleRequest, context: HandlerContext) {
      published.push(request);
      contexts.push(context);
      if (request.title === "boom") throw new Error("SELECT secret FROM tokens");
      if (request.title === "conflict") throw new AppError("conflict", "already there", { reason: "version_exists" });
      if (request.title === "wait") await gate.wait();
      return create(BundleSchema, { version: 7, publishedBy: callOf(context).principal.keyPrefix });
    },
    listKeys: () => ({ keys: [] }),
  };
  const runtimes: Partial<ServiceImpl<typeof RuntimeService>> = {
    async getLatestBundle(_request: unknown, context: HandlerContext) {
      contexts.push(context);
      if (context.requestHeader.has("prefer")) await aborted(context.signal);
      if (context.signal.aborted) throw context.signal.reason;
      return { document: "{}", etag: "sha256:0.1", sequence: 1 };
    },
    async *watchBundle(
      _request: unknown,
      context: HandlerContext,
    ): AsyncGenerator<MessageInitShape<typeof WatchBundleResponseSchema>> {
      contexts.push(context);
      yield { sequence: 1, event: { case: "nothingActive", value: {} } };
      await aborted(context.signal);
    },
  };
  const methods = [
    ...Object.values(createServiceImplSpec<typeof BundleService>(BundleService, bundles).methods),
    ...Object.values(createServiceImplSpec<typeof RuntimeService>(RuntimeService, runtimes).methods),
  ].map((spec) => guardMethod(spec, { onRefused, names: ID_NAMES, diskRefusal: options.diskRefusal ?? (() => null) }));

  const admission = createAuthenticator({
    authenticate: async (rawKey) => {
      authenticated.push(rawKey);
      return principalOf(rawKey);
    },
    known: (rawKey) => options.known?.get(rawKey),
    consoleSessions: null,
    names: ID_NAMES,
    onRefused,
    requestsPerMinute: options.requestsPerMinute ?? 0,
    failuresPerMinute: options.failuresPerMinute ?? 0,
    maxRateKeys: options.maxRateKeys ?? 1000,
  });
  const publish = methods.find(({ method }) => method.name === "PublishBundle");
  const rest: RestHandler = async (req, res, { requestId, clientAddress, onRate }) => {
    res.setHeader("content-type", "text/plain");
    try {
      if (publish === undefined) throw new Error("no PublishBundle");
      const connection = requestConnection(req);
      const head = { requestId, clientAddress, connection, rawHeaders: req.rawHeaders, onRate };
      const call = await admission.admit(publish.method, head, ORG);
      if (req.url === "/v1/wait") await gate.wait();
      res.end("rest");
      return { operationId: "restTest", status: 200, keyPrefix: call.principal.keyPrefix };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      res.statusCode = 400;
      res.end(error.code);
      return { operationId: "restTest", status: 400, error };
    }
  };
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logLines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  const maxBodyBytes = options.maxBodyBytes ?? 1024 * 1024;
  const bodyMemory = new BodyMemory(options.maxBodyMemoryBytes ?? 64 * 1024 * 1024, maxBodyBytes);
  const answerMemory = new AnswerMemory(options.maxAnswerMemoryBytes ?? 128 * 1024 * 1024, limited);
  const server = createHttpServer({
    methods: [...methods, ...(options.methods ?? [])],
    admission,
    rest,
    watch: null,
    pages: options.pages ?? [],
    polls: null,
    ...{ maxBodyBytes, bodyMemory, answerMemory },
    scan: () => async (text, rules) => scanStrictJson(text, rules),
    corsOrigins: options.corsOrigins ?? [],
    publicUrls: options.publicUrls ?? [],
    console: options.console ?? null,
    consoleSessions: null,
    version: "1.2.3",
    ready: options.ready ?? (async () => true),
    readOnly: options.readOnly ?? (() => null),
    diskFull: () => options.diskRefusal?.()?.message ?? null,
    metrics: { contentType: "text/plain", render: async () => "rig_requests_total 1\n" },
    observer: { finished: (request) => void finished.push(request) },
    tracing: options.tracing ?? NO_TRACING,
    logger: pino({ level: "debug" }, sink),
    limits: options.limits ?? DEFAULT_LIMITS,
    limitObserver: limited,
    tls: options.tls ?? null,
    proxyTrust: options.proxyTrust ?? { hops: 0, header: "x-forwarded-for" },
  });
  const { port } = await server.listen("127.0.0.1", 0);
  return {
    ...{ server, port, url: `http://127.0.0.1:${port}`, gate, published, contexts, authenticated, refused, logLines },
    ...{ finished, limited, bodyMemory, answerMemory },
    [Symbol.asyncDispose]: () => server.close(0),
  };
}

export type Rig = Awaited<ReturnType<typeof openRig>>;

/** What limits refused. */
class Limited implements LimitObserver {
  readonly names: LimitName[] = [];
  private readonly told = new EventEmitter();

  refused(limit: LimitName): void {
    this.names.push(limit);
    this.told.emit("refused");
  }

  /** Resolves when a limit has refused so often. */
  async until(limit: LimitName, times = 1): Promise<void> {
    while (this.count(limit) < times) await once(this.told, "refused");
  }

  count(limit: LimitName): number {
    return this.names.filter((name) => name === limit).length;
  }
}

/** Lets a test decide when an implementation goes on. */
class Gate {
  private readonly open = deferred();
  private readonly reached = deferred();

  async wait(): Promise<void> {
    this.reached.resolve();
    await this.open.promise;
  }

  async entered(): Promise<void> {
    await this.reached.promise;
  }

  release(): void {
    this.open.resolve();
  }
}

function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve: () => resolve() };
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** Who a key of the rig belongs to. Throws for every other one. */
export function principalOf(rawKey: string): Principal {
  const keyType = (Object.keys(KEYS) as (keyof typeof KEYS & KeyType)[]).find((type) => KEYS[type] === rawKey);
  if (keyType === undefined) throw new AppError("unauthenticated", "invalid or expired token");
  return {
    tokenId: Number(rawKey.at(-1)),
    tokenName: null,
    keyPrefix: `sgnt_${keyType}`,
    keyType,
    orgId: ORG,
    keyHash: String(rawKey.at(-1)).repeat(64),
    isOperator: false,
    projectId: null,
    environmentId: null,
    environments: [],
    scopes: SCOPES[keyType],
    expiresAt: null,
  };
}
