/** The process of Readers: sockets and no HTTP client, which would cost more than the servers do. */
import { connect, type Socket } from "node:net";
import { now } from "../figures.js";
import type { ReaderAsked, ReaderLoad, ReaderTold } from "./readers.js";

const HEAD_END = "\r\n\r\n";

function tell(told: ReaderTold): void {
  process.send?.(told);
}

/** One reader: a socket, and the newest sequence that it was told. */
abstract class Reader {
  sequence = 0;
  atMs = 0;
  protected readonly socket: Socket;

  constructor(
    protected readonly load: ReaderLoad,
    private readonly heard: () => void,
  ) {
    this.socket = connect({ port: load.port, host: "127.0.0.1", noDelay: true });
    this.socket.on("connect", () => this.ask());
    this.socket.on("data", (chunk: Buffer) => this.read(chunk));
    this.socket.on("error", (error) => tell({ kind: "failed", why: error.message }));
    this.socket.on("end", () => tell({ kind: "failed", why: "a connection was closed" }));
  }

  protected abstract ask(): void;
  protected abstract read(chunk: Buffer): void;

  protected get(path: string, headers: readonly string[]): void {
    const { port, token } = this.load;
    const lines = [`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...headers];
    if (token !== null) lines.push(`Authorization: Bearer ${token}`);
    this.socket.write(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  }

  protected has(sequence: number): void {
    if (sequence <= this.sequence) return;
    this.sequence = sequence;
    this.atMs = now();
    this.heard();
  }
}

class Watcher extends Reader {
  #tail = "";

  protected override ask(): void {
    this.get("/v1/bundles/watch", ["Accept: text/event-stream"]);
  }

  /** An event's id stands before its data: what is kept is the line that a chunk ends in. */
  protected override read(chunk: Buffer): void {
    const text = this.#tail + chunk.toString("latin1");
    for (const [, sequence] of text.matchAll(/event: activation\nid: (\d+)\./g)) this.has(Number(sequence));
    this.#tail = text.slice(-64);
  }
}

class Poller extends Reader {
  #head = "";
  #bodyLeft = 0;
  #etag = "";

  protected override ask(): void {
    this.get("/v1/bundles/latest", this.#etag === "" ? [] : [`If-None-Match: ${this.#etag}`, "Prefer: wait=300"]);
  }

  protected override read(chunk: Buffer): void {
    if (this.#bodyLeft > 0) this.#bodyLeft -= chunk.length;
    else {
      this.#head += chunk.toString("latin1");
      const end = this.#head.indexOf(HEAD_END);
      if (end < 0) return;
      const head = this.#head.slice(0, end);
      if (!head.startsWith("HTTP/1.1 200")) return tell({ kind: "failed", why: head });
      const valueOf = (name: string) => new RegExp(`\\r\\n${name}: ([^\\r]*)`, "i").exec(head)?.[1] ?? "";
      this.#etag = valueOf("etag");
      this.#bodyLeft = Number(valueOf("content-length")) - (this.#head.length - end - HEAD_END.length);
      this.#head = "";
      this.has(Number(valueOf("signet-sequence")));
    }
    if (this.#bodyLeft === 0) this.ask();
  }
}

let readers: readonly Reader[] = [];
let after: number | null = null;
let isOpened = false;

function heard(): void {
  if (!isOpened) {
    if (!readers.every(({ sequence }) => sequence > 0)) return;
    isOpened = true;
    tell({ kind: "opened", sequence: readers[0]?.sequence ?? 0 });
    return;
  }
  const last = after;
  if (last === null || !readers.every(({ sequence }) => sequence > last)) return;
  after = null;
  tell({ kind: "arrived", at: readers.map(({ atMs }) => atMs), sequence: readers[0]?.sequence ?? 0 });
}

process.on("message", (asked: ReaderAsked) => {
  if (asked.kind === "expect") {
    after = asked.after;
    return;
  }
  const make = (count: number, one: () => Reader) => Array.from({ length: count }, one);
  readers = [
    ...make(asked.watches, () => new Watcher(asked, heard)),
    ...make(asked.polls, () => new Poller(asked, heard)),
  ];
});
process.on("disconnect", () => process.exit());
