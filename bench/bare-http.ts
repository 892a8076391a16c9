/** The least that an answer can cost in Node: a node:http server that says the same headers and bytes to everybody. In a process of its own. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";

/** What it answers with: 304 without a body to who sends the ETag, else 200. */
export interface BareAnswer {
  readonly etag: string;
  /** Name, value, name, value …, of both. */
  readonly headers: readonly string[];
  /** What 200 has on top. */
  readonly bodyHeaders: readonly string[];
  readonly body: string;
}

export class BareHttp implements AsyncDisposable {
  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
  ) {}

  static async start(answer: BareAnswer): Promise<BareHttp> {
    const child = fork(fileURLToPath(import.meta.url));
    const told = once(child, "message") as Promise<[number]>;
    child.send(answer);
    return new BareHttp((await told)[0], child);
  }

  get pid(): number {
    return this.child.pid ?? NaN;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.child, "exit");
    this.child.kill();
    await gone;
  }
}

function serve({ etag, headers, bodyHeaders, body }: BareAnswer): void {
  const bytes = Buffer.from(body);
  const all = [...headers, ...bodyHeaders];
  const server = createServer((req, res) => {
    if (req.headers["if-none-match"] === etag) {
      res.writeHead(304, [...headers]);
      res.end();
    } else {
      res.writeHead(200, all);
      res.end(bytes);
    }
  });
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.once("message", (answer: BareAnswer) => serve(answer));
  process.on("disconnect", () => process.exit());
}
