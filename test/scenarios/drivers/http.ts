/** A request of REST. The body is sent as it is. */
export interface HttpRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** An answer whose body is still coming. */
export interface HttpStream {
  readonly status: number;
  readonly headers: Headers;
  /** Leaving the iteration ends the request. */
  readonly chunks: AsyncIterable<string>;
}

/** Who sends REST requests. */
export interface Http {
  send(request: HttpRequest): Promise<HttpAnswer>;
  stream(request: HttpRequest, signal: AbortSignal): Promise<HttpStream>;
}

/** Node's fetch. */
export function fetchHttp(url: string): Http {
  const open = ({ method, path, headers, body }: HttpRequest, signal?: AbortSignal) =>
    fetch(`${url}${path}`, { method, headers, ...(body === undefined ? {} : { body }), ...(signal ? { signal } : {}) });
  return {
    async send(request) {
      const answer = await open(request);
      return { status: answer.status, headers: answer.headers, text: await answer.text() };
    },
    async stream(request, signal) {
      const { status, headers, body } = await open(request, signal);
      return { status, headers, chunks: decoded(body) };
    },
  };
}

async function* decoded(body: AsyncIterable<Uint8Array> | null): AsyncGenerator<string> {
  if (body === null) return;
  const decoder = new TextDecoder();
  for await (const chunk of body) yield decoder.decode(chunk, { stream: true });
}
