import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import * as node from "@connectrpc/connect-node";
import * as web from "@connectrpc/connect-web";
import { ArtifactService } from "../../../gen/signet/v1/artifact_pb.js";
import { BundleService } from "../../../gen/signet/v1/bundle_pb.js";
import { ErrorDetailSchema } from "../../../gen/signet/v1/options_pb.js";
import { PipelineService } from "../../../gen/signet/v1/pipeline_pb.js";
import { RuntimeService, type WatchBundleResponse } from "../../../gen/signet/v1/runtime_pb.js";
import { TokenService } from "../../../gen/signet/v1/token_pb.js";
import type { Driver, Failure } from "./driver.js";
import { rpcDriver } from "./rpc.js";
import type { Message } from "./views.js";

interface Opened {
  readonly transport: Transport;
  readonly close: () => void;
}

interface CallOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

type Clients = Readonly<Record<string, Readonly<Record<string, (request: object, options: CallOptions) => unknown>>>>;

export const openGrpcWeb = opener((baseUrl) => overHttp1(node.createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })));

export const openConnectJson = opener((baseUrl) =>
  overHttp1(node.createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false })),
);

export const openConnectProto = opener((baseUrl) =>
  overHttp1(node.createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true })),
);

export const openConnectHttp2 = opener((baseUrl) => {
  const sessionManager = new node.Http2SessionManager(baseUrl);
  const transport = node.createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: true, sessionManager });
  return { transport, close: () => sessionManager.abort() };
});

/** What a browser has: fetch and nothing else. Reads go by GET. */
export const openBrowser = opener((baseUrl) =>
  overHttp1(web.createConnectTransport({ baseUrl, useHttpGet: true, fetch })),
);

function overHttp1(transport: Transport): Opened {
  return { transport, close: () => undefined };
}

function opener(open: (url: string) => Opened): (url: string, token: string) => Driver {
  return (url, token) => {
    const { transport, close } = open(url);
    const clients = {
      ArtifactService: createClient(ArtifactService, transport),
      BundleService: createClient(BundleService, transport),
      PipelineService: createClient(PipelineService, transport),
      RuntimeService: createClient(RuntimeService, transport),
      TokenService: createClient(TokenService, transport),
    } as unknown as Clients;
    const method = (name: string) => {
      const [service = "", rpcName = ""] = name.split("/");
      const found = clients[service]?.[rpcName];
      if (found === undefined) throw new Error(`no method ${name}`);
      return found;
    };
    const withToken = (headers: Readonly<Record<string, string>>) => ({ ...headers, "X-API-Key": token });
    return rpcDriver({
      call: async (name, request, headers) => (await method(name)(request, { headers: withToken(headers) })) as Message,
      async *stream(name, request, headers, signal) {
        const options = { headers: withToken(headers), signal };
        for await (const message of method(name)(request, options) as AsyncIterable<WatchBundleResponse>) {
          const { sequence, event } = message;
          yield { sequence, event: event.case ?? "", value: event.value ?? {} };
        }
      },
      failure: failureOf,
      [Symbol.asyncDispose]: async () => close(),
    });
  };
}

function failureOf(thrown: unknown): Failure {
  const error = ConnectError.from(thrown);
  const retry = error.metadata.get("retry-after");
  return {
    code: Code[error.code].replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase(),
    reason: error.findDetails(ErrorDetailSchema)[0]?.reason ?? null,
    message: error.rawMessage,
    retryAfterSeconds: retry === null ? null : Number(retry),
  };
}
