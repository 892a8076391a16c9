import { setTimeout as wait } from "node:timers/promises";
import { create, type Message } from "@bufbuild/protobuf";
import { anyPack, type Any } from "@bufbuild/protobuf/wkt";
import { ConnectError, createServiceImplSpec, type HandlerContext, type MethodImplSpec } from "@connectrpc/connect";
import type { ConformanceTypes } from "./descriptors.js";
import type { Header, StreamDefinition, StreamRequest, UnaryRequest, WantedError } from "./messages.js";

/** connectrpc.conformance.v1.ConformanceService, as the suite's docs/testing_servers.md describes it. `Unimplemented` is not. */
export function createConformanceMethods(types: ConformanceTypes): readonly MethodImplSpec[] {
  const service = new ConformanceService(types);
  const implementation = {
    unary: (request: UnaryRequest, context: HandlerContext) => service.unary([request], context, "UnaryResponse"),
    idempotentUnary: (request: UnaryRequest, context: HandlerContext) =>
      service.unary([request], context, "IdempotentUnaryResponse"),
    clientStream: async (requests: AsyncIterable<UnaryRequest>, context: HandlerContext) =>
      service.unary(await allOf(requests), context, "ClientStreamResponse"),
    serverStream: (request: StreamRequest, context: HandlerContext) =>
      service.stream([request], context, "ServerStreamResponse"),
    bidiStream: (requests: AsyncIterable<StreamRequest>, context: HandlerContext) => service.bidi(requests, context),
  };
  return Object.values(createServiceImplSpec(types.service, implementation as never).methods);
}

class ConformanceService {
  constructor(private readonly types: ConformanceTypes) {}

  /** One answer to one or more requests; the first says which. */
  async unary(requests: readonly UnaryRequest[], context: HandlerContext, type: string): Promise<Message> {
    const definition = requests[0]?.responseDefinition;
    append(context.responseHeader, definition?.responseHeaders);
    append(context.responseTrailer, definition?.responseTrailers);
    const requestInfo = this.requestInfo(context, requests);
    await wait(definition?.responseDelayMs ?? 0);
    const response = definition?.response;
    if (response?.case === "error") throw this.error(response.value, requestInfo);
    const data = response?.case === "responseData" ? response.value : new Uint8Array();
    return this.answer(type, data, requestInfo);
  }

  /** Many answers to one or more requests, of which the first says which; the requests are told of with the first answer. */
  async *stream(requests: readonly StreamRequest[], context: HandlerContext, type: string): AsyncGenerator<Message> {
    const definition = requests[0]?.responseDefinition;
    begin(definition, context);
    const requestInfo = this.requestInfo(context, requests);
    const data = definition?.responseData ?? [];
    for (const [index, bytes] of data.entries()) {
      await wait(definition?.responseDelayMs ?? 0);
      yield this.answer(type, bytes, index === 0 ? requestInfo : undefined);
    }
    if (definition?.error === undefined) return;
    throw this.error(definition.error, data.length === 0 ? requestInfo : undefined);
  }

  async *bidi(requests: AsyncIterable<StreamRequest>, context: HandlerContext): AsyncGenerator<Message> {
    const iterator = requests[Symbol.asyncIterator]();
    const first = await iterator.next();
    if (first.done === true) return;
    if (first.value.fullDuplex === true) {
      yield* this.fullDuplex(first.value, { [Symbol.asyncIterator]: () => iterator }, context);
      return;
    }
    const others = await allOf({ [Symbol.asyncIterator]: () => iterator });
    yield* this.stream([first.value, ...others], context, "BidiStreamResponse");
  }

  /** An answer after each request, and what is left of them when there is none any more. */
  private async *fullDuplex(
    first: StreamRequest,
    others: AsyncIterable<StreamRequest>,
    context: HandlerContext,
  ): AsyncGenerator<Message> {
    const definition = first.responseDefinition;
    begin(definition, context);
    const data = [...(definition?.responseData ?? [])];
    let answered = 0;
    const answerTo = async (requestInfo: Message | undefined) => {
      await wait(definition?.responseDelayMs ?? 0);
      return this.answer("BidiStreamResponse", data[answered++] ?? new Uint8Array(), requestInfo);
    };
    const arrived = async function* () {
      yield first;
      yield* others;
    };
    for await (const request of arrived()) {
      const requestInfo = this.requestInfo(context, [request], answered === 0);
      if (answered < data.length) yield await answerTo(requestInfo);
      else if (definition?.error !== undefined)
        throw this.error(definition.error, answered === 0 ? requestInfo : undefined);
    }
    while (answered < data.length) yield await answerTo(undefined);
    if (definition?.error !== undefined) throw this.error(definition.error, undefined);
  }

  private answer(type: string, data: Uint8Array, requestInfo: Message | undefined): Message {
    const payload = create(this.types.message("ConformancePayload"), { data, requestInfo });
    return create(this.types.message(type), { payload });
  }

  private requestInfo(context: HandlerContext, requests: readonly Message[], withHeaders = true): Message {
    const timeoutMs = withHeaders ? context.timeoutMs() : undefined;
    return create(this.types.message("ConformancePayload.RequestInfo"), {
      requestHeaders: withHeaders ? headersOf(context.requestHeader) : [],
      timeoutMs: timeoutMs === undefined ? undefined : BigInt(Math.floor(timeoutMs)),
      requests: requests.map((request) => this.pack(request)),
      connectGetInfo:
        withHeaders && context.requestMethod === "GET"
          ? { queryParams: headersOf(new URL(context.url).searchParams) }
          : undefined,
    });
  }

  private error({ code, message, details }: WantedError, requestInfo: Message | undefined): ConnectError {
    const error = new ConnectError(message ?? "", code);
    const packed = requestInfo === undefined ? details : [...details, this.pack(requestInfo)];
    error.details = packed.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value }));
    return error;
  }

  private pack(message: Message): Any {
    return anyPack(
      this.types.message(message.$typeName.replace(/^connectrpc\.conformance\.v1\./, "")),
      message as never,
    );
  }
}

function begin(definition: StreamDefinition | undefined, { responseHeader, responseTrailer }: HandlerContext): void {
  append(responseHeader, definition?.responseHeaders);
  append(responseTrailer, definition?.responseTrailers);
}

function append(to: Headers, headers: readonly Header[] = []): void {
  for (const { name, value } of headers) for (const each of value) to.append(name, each);
}

function headersOf(from: Iterable<[string, string]>): readonly Header[] {
  return [...from].map(([name, value]) => ({ name, value: [value] }));
}

async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all = [];
  for await (const item of items) all.push(item);
  return all;
}
