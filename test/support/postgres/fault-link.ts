import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import type { Direction, Ending, Faults, Trap } from "./fault-proxy.js";

/** Bytes that may wait in a direction before the proxy stops reading. */
const MAX_WAITING_BYTES = 256 * 1024;

/** One connection through a proxy: the client's socket and the server's. */
export class Link {
  /** Resolves when both sockets are closed. */
  readonly ended: Promise<void>;
  /** One side was ended alone; the other stays as it is. */
  private severed = false;
  /** The answer to what was forwarded last is to be lost. */
  private trap: Trap | null = null;

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    private readonly faults: Faults,
    private readonly count: (direction: Direction, bytes: number) => void,
  ) {
    server.setNoDelay(true);
    this.forward(client, server, "toServer");
    this.forward(server, client, "toClient");
    this.ended = Promise.all(
      [client, server].map((socket) => new Promise((resolve) => socket.once("close", resolve))),
    ).then(() => undefined);
  }

  /** Ends both sockets, or one alone. */
  cut(ending: Ending, side?: Direction): void {
    this.severed = true;
    for (const socket of side === undefined
      ? [this.client, this.server]
      : [side === "toClient" ? this.client : this.server]) {
      if (ending === "RST") socket.resetAndDestroy();
      else socket.end();
    }
  }

  private forward(from: Socket, to: Socket, direction: Direction): void {
    let waitingBytes = 0;
    let last = Promise.resolve();
    /** In order, each step when it is due and nothing holds it. */
    const later = (step: () => Promise<void> | void) => {
      const due = performance.now() + this.faults.delayMs[direction];
      last = last.then(async () => {
        if (due > performance.now()) await wait(due - performance.now());
        await this.faults.held[direction]?.promise;
        await step();
      });
    };
    from.on("data", (chunk: Buffer) => {
      waitingBytes += chunk.length;
      if (waitingBytes > MAX_WAITING_BYTES) from.pause();
      later(async () => {
        waitingBytes -= chunk.length;
        if (waitingBytes <= MAX_WAITING_BYTES) from.resume();
        if (this.severed || this.isLost(direction, chunk)) return;
        this.count(direction, chunk.length);
        if (to.writable && !to.write(chunk)) await Promise.race([this.drained(to), this.closed(to)]);
      });
    });
    from.on("end", () => later(() => void (this.severed || to.end())));
    // Reset by its peer, or the server refused it.
    from.on("error", () => later(() => void (this.severed || to.resetAndDestroy())));
  }

  /** Springs a trap, and loses the answer that one waits for. */
  private isLost(direction: Direction, chunk: Buffer): boolean {
    if (direction === "toClient") {
      const loses = this.trap?.loses;
      if (loses === undefined || loses === "request") return false;
      if (chunk.includes(loses.answerUntil)) {
        this.cut("RST", "toClient");
        this.server.end();
        this.trap?.sprung();
      }
      return true;
    }
    const trap = this.faults.traps.find(({ text }) => chunk.includes(text));
    if (trap === undefined) return false;
    this.faults.traps = this.faults.traps.filter((other) => other !== trap);
    this.trap = trap;
    if (trap.loses !== "request") return false;
    this.cut("RST");
    trap.sprung();
    return true;
  }

  /** What fails closes, too. */
  private async drained(socket: Socket): Promise<void> {
    await once(socket, "drain").catch(() => this.closed(socket));
  }

  private closed(socket: Socket): Promise<void> {
    return new Promise((resolve) => (socket.closed ? resolve() : socket.once("close", () => resolve())));
  }
}
