/**
 * The process of Pollers: sockets and no HTTP client, which would cost more than the servers do.
 *
 * While it runs it never sleeps: to wake up a sleeping process on another core is work of the one that writes to it, and a slower server
 * would have to do it more often, for each of its answers.
 */
import { connect, type Socket } from "node:net";
import type { PollLoad, PollTold } from "./pollers.js";

const HEAD_END = "\r\n\r\n";
/** Of "HTTP/1.1 304". */
const STATUS_AT = 9;

/** One connection that has one request under way. */
class Poller {
  readonly #socket: Socket;
  #head: Buffer = Buffer.alloc(0);
  #bodyLeft = 0;

  constructor(
    private readonly load: PollLoad,
    /** Whether to ask again. */
    private readonly answered: () => boolean,
    private readonly failed: (why: string) => void,
  ) {
    this.#socket = connect({ port: load.port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("connect", () => this.#ask());
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", (error) => this.failed(error.message));
    this.#socket.on("end", () => this.failed("the server closed a connection"));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #ask(): void {
    this.#socket.write(this.load.request, "latin1");
  }

  #read(chunk: Buffer): void {
    if (this.#bodyLeft > 0) {
      this.#bodyLeft -= chunk.length;
    } else {
      this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
      const end = this.#head.indexOf(HEAD_END);
      if (end < 0) return;
      const head = this.#head.toString("latin1", 0, end);
      if (Number(head.slice(STATUS_AT, STATUS_AT + 3)) !== this.load.status) {
        this.failed(`expected ${this.load.status}, got: ${head}`);
        return;
      }
      this.#bodyLeft = bodyBytes(head, this.load.status) - (this.#head.length - end - HEAD_END.length);
      this.#head = Buffer.alloc(0);
    }
    if (this.#bodyLeft === 0 && this.answered()) this.#ask();
  }
}

function bodyBytes(head: string, status: number): number {
  return status === 304 ? 0 : Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1]);
}

function run(load: PollLoad, tell: (told: PollTold) => void): void {
  const from = performance.now();
  let answers = 0;
  let isOver = false;
  let idleMs = 0;
  const finish = (told: PollTold) => {
    if (isOver) return;
    isOver = true;
    for (const poller of pollers) poller.destroy();
    tell(told);
  };
  /** A turn of the event loop without an answer was a wait. */
  const stayAwake = (turnFrom: number, answersBefore: number) => {
    const now = performance.now();
    if (answers === answersBefore) idleMs += now - turnFrom;
    if (!isOver) setImmediate(stayAwake, now, answers);
  };
  stayAwake(from, -1);
  const answered = () => {
    answers += 1;
    // A look at the clock for each answer would be a cost of its own.
    if (answers % 64 === 0 && performance.now() - from >= load.durationMs) {
      const tookMs = performance.now() - from;
      finish({ kind: "done", answers, tookMs, busyShare: 1 - idleMs / tookMs });
    }
    return !isOver;
  };
  const failed = (why: string) => finish({ kind: "failed", why });
  const pollers = Array.from({ length: load.connections }, () => new Poller(load, answered, failed));
}

process.on("message", (load: PollLoad) => run(load, (told) => process.send?.(told)));
process.on("disconnect", () => process.exit());
