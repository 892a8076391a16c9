import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import type { Http, HttpAnswer, HttpRequest, HttpStream } from "./http.js";

/** Whether there is a curl to test with. */
export const hasCurl = spawnSync("curl", ["--version"]).status === 0;

/** Runs `curl` as a shell would, with `-i`; `stdin` is for `@-`. Throws when curl itself fails. */
export async function curl(args: readonly string[], stdin = ""): Promise<HttpAnswer> {
  const { status, headers, chunks } = await openCurl(args, stdin);
  let text = "";
  for await (const chunk of chunks) text += chunk;
  return { status, headers, text };
}

/** The real curl as a REST client. */
export function curlHttp(url: string): Http {
  const args = ({ method, path, headers, body }: HttpRequest) => [
    ...["-X", method, `${url}${path}`],
    ...Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
    ...(body === undefined ? [] : ["--data-binary", "@-"]),
  ];
  return {
    send: (request) => curl(args(request), request.body ?? ""),
    stream: (request, signal) => openCurl([...args(request), "-N"], request.body ?? "", signal),
  };
}

async function openCurl(args: readonly string[], stdin: string, signal?: AbortSignal): Promise<HttpStream> {
  const child = spawn("curl", ["-sS", "-i", ...args]);
  const stop = () => child.kill();
  signal?.addEventListener("abort", stop, { once: true });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  child.stdin.on("error", () => undefined);
  child.stdin.end(stdin);
  const closed = once(child, "close") as Promise<[number | null]>;
  const chunks = child.stdout.setEncoding("utf8")[Symbol.asyncIterator]() as AsyncIterator<string>;
  let text = "";
  // Heads of 1xx come before the one that counts.
  for (;;) {
    const head = /^HTTP\/\S+ (\d+)[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/.exec(text);
    if (head !== null) {
      text = text.slice(head[0].length);
      if (Number(head[1]) < 200) continue;
      return { status: Number(head[1]), headers: headersOf(head[2] ?? ""), chunks: rest(text, chunks, stop, closed) };
    }
    const next = await chunks.next();
    if (next.done === true) throw new Error(`curl ended with ${(await closed)[0]}: ${complaint}`);
    text += next.value;
  }
}

async function* rest(
  first: string,
  chunks: AsyncIterator<string>,
  stop: () => void,
  closed: Promise<unknown>,
): AsyncGenerator<string> {
  try {
    if (first !== "") yield first;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
  } finally {
    stop();
    await closed;
  }
}

function headersOf(lines: string): Headers {
  const headers = new Headers();
  for (const line of lines.split("\r\n").filter((text) => text !== "")) {
    const colon = line.indexOf(":");
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return headers;
}
