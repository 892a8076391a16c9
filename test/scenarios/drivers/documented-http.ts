import { expectDocumented, expectDocumentedStream } from "../../openapi/contract.js";
import type { Http } from "./http.js";

/** A REST client that expects every answer, and every message of a stream, to be as the OpenAPI document says. */
export function documentedHttp(http: Http): Http {
  return {
    async send(request) {
      const answer = await http.send(request);
      expectDocumented(request, answer);
      return answer;
    },
    async stream(request, signal) {
      const stream = await http.stream(request, signal);
      if (stream.status >= 400) return stream;
      return { ...stream, chunks: checked(stream.chunks, expectDocumentedStream(request, stream)) };
    },
  };
}

async function* checked(chunks: AsyncIterable<string>, check: (line: string) => void): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) check(line);
    yield chunk;
  }
}
