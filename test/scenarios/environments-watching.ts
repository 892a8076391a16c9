import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import * as node from "@connectrpc/connect-node";
import { ErrorDetailSchema } from "../../gen/signet/v1/options_pb.js";
import { WatchService } from "../../gen/signet/v1/watch_pb.js";
import { formatMessage } from "../../src/json-form/format-message.js";

/** What is asked of a watch; names of the proto. */
export interface Asked {
  readonly org_id: string;
  readonly project_id?: string;
  readonly topics?: readonly string[];
  readonly after?: readonly string[];
}

/** One message as REST writes it. */
export interface Told {
  readonly kind: string;
  readonly eventId: string;
  readonly value: ToldValue;
}

/** The members of a message: those of one kind or another. */
export interface ToldValue {
  readonly [member: string]: unknown;
  readonly environment?: {
    readonly id: string;
    readonly name: string;
    readonly sequence: number;
    readonly hold: unknown;
  };
}

/** How a watch ended. */
export class Ended extends Error {
  /** @param code of gRPC, in upper case */
  constructor(
    readonly code: string,
    readonly reason: string | null,
    message: string,
  ) {
    super(message);
  }
}

/** A protocol by which environments are watched. */
export interface WatchKind {
  readonly name: string;
  open(
    url: string,
    token: string,
    asked: Asked,
    signal: AbortSignal,
    headers?: Readonly<Record<string, string>>,
  ): AsyncIterable<Told>;
}

/** The protocols that stream. */
export const WATCH_KINDS: readonly WatchKind[] = [
  rpc("grpc", (baseUrl) => node.createGrpcTransport({ baseUrl })),
  rpc("grpc-web", (baseUrl) => node.createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })),
  rpc("connect-json", (baseUrl) =>
    node.createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
  ),
  rpc("connect-proto", (baseUrl) => node.createConnectTransport({ baseUrl, httpVersion: "1.1" })),
  { name: "rest SSE", open: (...asked) => overRest("text/event-stream", ...asked) },
  { name: "rest NDJSON", open: (...asked) => overRest("application/x-ndjson", ...asked) },
];

function rpc(name: string, transportOf: (url: string) => Transport): WatchKind {
  return {
    name,
    async *open(url, token, { org_id: orgId, project_id: projectId = "", topics = [], after = [] }, signal, more = {}) {
      const client = createClient(WatchService, transportOf(url));
      const request = { orgId, projectId, topics: [...topics], after: [...after] };
      try {
        const headers = { ...more, authorization: `Bearer ${token}` };
        for await (const message of client.watchEnvironments(request, { signal, headers })) {
          yield told(JSON.parse(formatMessage(message)) as Record<string, unknown>);
        }
      } catch (thrown) {
        const error = ConnectError.from(thrown);
        const code = Code[error.code].replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
        throw new Ended(code, error.findDetails(ErrorDetailSchema)[0]?.reason ?? null, error.rawMessage);
      }
    },
  };
}

const CODES: Readonly<Record<number, string>> = {
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  409: "FAILED_PRECONDITION",
  422: "INVALID_ARGUMENT",
  429: "RESOURCE_EXHAUSTED",
  503: "UNAVAILABLE",
};

async function* overRest(
  accept: string,
  url: string,
  token: string,
  { org_id, project_id = "", topics = [], after = [] }: Asked,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>> = {},
): AsyncGenerator<Told> {
  const query = new URLSearchParams();
  for (const topic of topics) query.append("topics", topic);
  for (const cursor of after) query.append("after", cursor);
  const project = project_id === "" ? "" : `/projects/${project_id}`;
  const response = await fetch(`${url}/v1/orgs/${org_id}${project}/watch?${query.toString()}`, {
    headers: { ...headers, accept, authorization: `Bearer ${token}` },
    signal,
  });
  if (!response.ok) throw endedBy((await response.json()) as Record<string, unknown>);
  let kept = "";
  const separator = accept === "text/event-stream" ? "\n\n" : "\n";
  const decoder = new TextDecoder();
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    const pieces = (kept + decoder.decode(chunk, { stream: true })).split(separator);
    kept = pieces.pop() ?? "";
    for (const piece of pieces) yield accept === "text/event-stream" ? eventOf(piece) : lineOf(piece);
  }
}

function eventOf(block: string): Told {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1] ?? "";
  const data = JSON.parse(field("data")) as Record<string, unknown>;
  if (field("event") === "error") throw endedBy(data);
  const message = told(data);
  if (message.kind !== field("event") || message.eventId !== field("id")) throw new Error(block);
  return message;
}

function lineOf(line: string): Told {
  const data = JSON.parse(line) as Record<string, unknown>;
  if ("error" in data) throw endedBy(data["error"] as Record<string, unknown>);
  return told(data);
}

function endedBy(body: Record<string, unknown>): Ended {
  const { status, detail, message } = body as { status: number; detail: unknown; message: string };
  const reason = typeof detail === "object" && detail !== null && "error" in detail ? String(detail.error) : null;
  return new Ended(CODES[status] ?? String(status), reason, message);
}

/** Every member is there, and one of them is not null. */
function told({ event_id: eventId, ...members }: Record<string, unknown>): Told {
  const set = Object.entries(members).filter(([, value]) => value !== null);
  const [[kind, value] = ["", null]] = set;
  if (set.length !== 1 || Object.keys(members).length !== 9) throw new Error(JSON.stringify(members));
  return { kind, eventId: String(eventId), value: value as ToldValue };
}

/** A watch that is read one message at a time. */
export class EnvironmentWatching implements AsyncDisposable {
  readonly #gone = new AbortController();
  readonly #iterator: AsyncIterator<Told>;

  constructor(kind: WatchKind, url: string, token: string, asked: Asked, headers?: Readonly<Record<string, string>>) {
    this.#iterator = kind.open(url, token, asked, this.#gone.signal, headers)[Symbol.asyncIterator]();
  }

  /** The next message; rejects with `Ended`. */
  async next(): Promise<Told> {
    const { value, done } = await this.#iterator.next();
    if (done === true) throw new Error("ended without an error");
    return value;
  }

  /** The next message that is no heartbeat. */
  async nextChange(): Promise<Told> {
    for (;;) {
      const message = await this.next();
      if (message.kind !== "heartbeat") return message;
    }
  }

  /** Reads up to the first message of a kind; returns all that were read, heartbeats apart. */
  async upTo(kind: string): Promise<readonly Told[]> {
    const read: Told[] = [];
    for (;;) {
      const message = await this.nextChange();
      read.push(message);
      if (message.kind === kind) return read;
    }
  }

  /** Resolves with how it ends, whatever comes before. */
  async end(): Promise<Ended> {
    for (;;) {
      try {
        await this.next();
      } catch (error) {
        if (error instanceof Ended) return error;
        throw error;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gone.abort();
    await this.#iterator.return?.().catch(() => undefined);
  }
}
