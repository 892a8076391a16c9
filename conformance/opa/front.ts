import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** A request that passed, with its answer; 0 for one that got none. */
export interface Passed {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly status: number;
  readonly etag: string | null;
  readonly body: Buffer;
  readonly atMs: number;
}

/** An HTTP server between OPA and Signet: it remembers what passes, and can change or withhold it. */
export interface Front extends AsyncDisposable {
  readonly url: string;
  readonly passed: Passed[];
  /** Where requests go; null cuts every connection. */
  target: string | null;
  /** Answered to everything in place of what the target says; null does not. */
  status: number | null;
  /** Changes the archives that pass. */
  change: (archive: Buffer) => Buffer;
}

/** Starts one on a free port. */
export async function startFront(target: string): Promise<Front> {
  const server = createServer((req, res) => void pass(front, req, res).catch(() => res.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const front: Front = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed: [],
    target,
    status: null,
    change: (archive) => archive,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return front;
}

async function pass(front: Front, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { method = "", url: path = "", headers } = req;
  const body = await buffer(req);
  const about = { method, path, headers, body, atMs: performance.now() };
  const keep = (status: number, etag: string | null = null) => front.passed.push({ ...about, status, etag });
  if (front.status !== null) {
    keep(front.status);
    res.writeHead(front.status).end();
    return;
  }
  if (front.target === null) {
    keep(0);
    res.destroy();
    return;
  }
  try {
    const answer = await forward(new URL(path, front.target), method, headers, body, res);
    const { etag = null } = answer.headers;
    keep(answer.statusCode ?? 0, etag);
    const bytes = await buffer(answer);
    const isArchive = answer.statusCode === 200 && path.includes("/bundle");
    const sent = isArchive ? front.change(bytes) : bytes;
    const length = isArchive ? { "content-length": String(sent.length) } : {};
    res.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...length }).end(sent);
  } catch {
    keep(0);
    res.destroy();
  }
}

function forward(url: URL, method: string, headers: IncomingMessage["headers"], body: Buffer, res: ServerResponse) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request(url, { method, headers: { ...headers, host: url.host } }, resolve);
    sent.on("error", reject);
    res.on("close", () => sent.destroy());
    sent.end(body);
  });
}
