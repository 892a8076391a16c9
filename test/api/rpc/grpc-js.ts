import { fromBinary } from "@bufbuild/protobuf";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { credentials, makeClientConstructor, Metadata, type ChannelOptions, type ServiceError } from "@grpc/grpc-js";
import { loadSync, type ServiceDefinition } from "@grpc/proto-loader";
import { ErrorDetailSchema, type ErrorDetail } from "../../../gen/signet/v1/options_pb.js";

/** From the .proto files, and not from our generated code: a client of another make. */
const definitions = loadSync(
  [
    "signet/v1/bundle.proto",
    "signet/v1/runtime.proto",
    "node_modules/grpc-health-check/proto/health/v1/health.proto",
    "node_modules/@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto",
    "node_modules/@grpc/reflection/build/proto/grpc/reflection/v1alpha/reflection.proto",
  ],
  {
    includeDirs: ["proto", "node_modules/protobufjs", "."],
    keepCase: true,
    enums: String,
    defaults: true,
    oneofs: true,
  },
);

type Message = Record<string, unknown>;

interface AnyCall extends AsyncIterable<Message> {
  cancel(): void;
  write(message: Message): void;
  end(): void;
  on(event: string, listener: (value: never) => void): this;
}

/** @grpc/grpc-js, with a call for every method that it knows. */
export function grpcClient(port: number, options: ChannelOptions = {}, channel = credentials.createInsecure()) {
  const clients = new Map<string, ReturnType<typeof open>>();
  const open = (service: string) => {
    const Client = makeClientConstructor(definitions[service] as ServiceDefinition, service);
    return new Client(`127.0.0.1:${port}`, channel, options);
  };
  const method = (service: string, name: string) => {
    const client = clients.get(service) ?? open(service);
    clients.set(service, client);
    return (client[name] as (...args: unknown[]) => AnyCall).bind(client);
  };
  const metadata = (key: string | undefined, more: Record<string, string> = {}) => {
    const all = new Metadata();
    if (key !== undefined) all.set("x-api-key", key);
    for (const [name, value] of Object.entries(more)) all.set(name, value);
    return all;
  };
  return {
    call: (service: string, name: string, key: string | undefined, request: Message, callOptions: object = {}) =>
      new Promise<Message>((resolve, reject) => {
        const done = (error: ServiceError | null, value: Message) => (error === null ? resolve(value) : reject(error));
        method(service, name)(request, metadata(key), callOptions, done);
      }),
    stream: (service: string, name: string, key: string | undefined, request: Message, callOptions: object = {}) =>
      method(service, name)(request, metadata(key), callOptions),
    bidi: (service: string, name: string) => method(service, name)(),
    detailOf: (error: ServiceError): ErrorDetail | undefined => {
      const [raw] = error.metadata.get("grpc-status-details-bin");
      const header = new Headers({ "grpc-status-details-bin": Buffer.from(raw ?? "").toString("base64") });
      const detail = findTrailerError(header)?.details[0];
      return detail !== undefined && "type" in detail ? fromBinary(ErrorDetailSchema, detail.value) : undefined;
    },
    [Symbol.dispose]: () => {
      for (const client of clients.values()) client.close();
    },
  };
}
