import { fromBinary } from "@bufbuild/protobuf";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { credentials, makeClientConstructor, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { loadSync, type ServiceDefinition } from "@grpc/proto-loader";
import { ErrorDetailSchema } from "../../../gen/signet/v1/options_pb.js";
import type { Driver, Failure } from "./driver.js";
import { rpcDriver, type RpcEvent } from "./rpc.js";
import type { Message } from "./views.js";

/** From the .proto files, and not from our generated code: a client of another make. */
const definitions = loadSync(
  ["artifact", "bundle", "pipeline", "runtime", "token"].map((name) => `signet/v1/${name}.proto`),
  {
    includeDirs: ["proto", "node_modules/protobufjs"],
    enums: String,
    defaults: true,
    oneofs: true,
  },
);

/** @grpc/grpc-js takes 4 MiB by default; documents may be larger. */
const OPTIONS = { "grpc.max_receive_message_length": 64 * 1024 * 1024, "grpc.use_local_subchannel_pool": 1 };

interface AnyStream extends AsyncIterable<Message> {
  cancel(): void;
}

type AnyClient = Record<string, (...args: unknown[]) => unknown> & { close(): void };

/** @grpc/grpc-js over HTTP/2 without TLS. */
export function openGrpcJs(url: string, token: string): Driver {
  const clients = new Map<string, AnyClient>();
  const clientOf = (service: string): AnyClient => {
    const known = clients.get(service);
    if (known !== undefined) return known;
    const Client = makeClientConstructor(definitions[`signet.v1.${service}`] as ServiceDefinition, service);
    const made = new Client(new URL(url).host, credentials.createInsecure(), OPTIONS) as unknown as AnyClient;
    clients.set(service, made);
    return made;
  };
  const metadata = (headers: Readonly<Record<string, string>>) => {
    const all = new Metadata();
    all.set("authorization", `Bearer ${token}`);
    for (const [name, value] of Object.entries(headers)) all.set(name, value);
    return all;
  };
  const method = (name: string) => {
    const [service = "", rpcName = ""] = name.split("/");
    const client = clientOf(service);
    return client[rpcName]?.bind(client) ?? (() => Promise.reject(new Error(`no method ${name}`)));
  };
  return rpcDriver({
    call: (name, request, headers) =>
      new Promise((resolve, reject) => {
        const done = (error: ServiceError | null, value: Message) => (error === null ? resolve(value) : reject(error));
        method(name)(request, metadata(headers), done);
      }),
    async *stream(name, request, headers, signal) {
      const stream = method(name)(request, metadata(headers)) as AnyStream;
      const cancel = () => stream.cancel();
      signal.addEventListener("abort", cancel, { once: true });
      try {
        for await (const message of stream) yield eventOf(message);
      } finally {
        signal.removeEventListener("abort", cancel);
        stream.cancel();
      }
    },
    failure: failureOf,
    async [Symbol.asyncDispose]() {
      for (const client of clients.values()) client.close();
    },
  });
}

function eventOf(message: Message): RpcEvent {
  const event = String(message["event"]);
  return { sequence: message["sequence"] as number, event, value: message[event] as Message };
}

function failureOf(thrown: unknown): Failure {
  const { code, details, metadata } = thrown as ServiceError;
  const [raw] = metadata.get("grpc-status-details-bin");
  const trailer = new Headers({ "grpc-status-details-bin": Buffer.from(raw ?? "").toString("base64") });
  const detail = raw === undefined ? undefined : findTrailerError(trailer)?.details[0];
  const reason = detail !== undefined && "type" in detail ? fromBinary(ErrorDetailSchema, detail.value).reason : null;
  const [retry] = metadata.get("retry-after");
  return {
    code: status[code],
    reason,
    message: details,
    retryAfterSeconds: retry === undefined ? null : Number(retry),
  };
}
