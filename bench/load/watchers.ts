/** Many gRPC streams, each on a connection of its own, in a process of their own. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpuMsOf } from "../process-use.js";

/** A call that is answered with a stream of messages. */
export interface WatchCall {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The request message, in base64. */
  readonly message: string;
  /** Whether the client has nothing more to say; etcd's watch ends when it does. */
  readonly half: boolean;
}

/** What the process is asked for. */
export type Asked =
  /** Opens so many streams, at most `atOnce` of which have no message yet. Told by `opened`. */
  | { readonly kind: "open"; readonly call: WatchCall; readonly count: number; readonly atOnce: number }
  /** Told by `listening` at once, and by `arrived` when each stream has had one more message of at least so many bytes. */
  | { readonly kind: "expect"; readonly minBytes: number }
  /** Told by `closed`. */
  | { readonly kind: "close" };

/** Streams that ended by themselves, by why. */
export type Failures = Readonly<Record<string, number>>;

/** What it tells; times are those of `now`. */
export type Told =
  | {
      readonly kind: "opened";
      /** When the first message of each was there. */
      readonly at: readonly number[];
      readonly largestBytes: number;
      readonly failures: Failures;
    }
  | { readonly kind: "listening" }
  | { readonly kind: "arrived"; readonly at: readonly number[]; readonly failures: Failures }
  | { readonly kind: "closed" };

type Of<K extends Told["kind"]> = Extract<Told, { readonly kind: K }>;

export class Watchers implements AsyncDisposable {
  private constructor(private readonly child: ChildProcess) {}

  static async start(): Promise<Watchers> {
    const child = fork(new URL("./watchers-process.js", import.meta.url));
    await once(child, "spawn");
    return new Watchers(child);
  }

  get pid(): number {
    return this.child.pid ?? NaN;
  }

  get cpuMs(): number {
    return cpuMsOf(this.pid);
  }

  open(call: WatchCall, count: number, atOnce: number): Promise<Of<"opened">> {
    const opened = this.#told("opened");
    this.#ask({ kind: "open", call, count, atOnce });
    return opened;
  }

  /** When each stream had what `change` sends them. */
  async feed(minBytes: number, change: () => Promise<void>): Promise<Of<"arrived">> {
    const listening = this.#told("listening");
    this.#ask({ kind: "expect", minBytes });
    await listening;
    const arrived = this.#told("arrived");
    await change();
    return await arrived;
  }

  async close(): Promise<void> {
    const closed = this.#told("closed");
    this.#ask({ kind: "close" });
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.child, "exit");
    this.child.kill();
    await gone;
  }

  #ask(asked: Asked): void {
    this.child.send(asked);
  }

  #told<K extends Told["kind"]>(kind: K): Promise<Of<K>> {
    return new Promise((resolve, reject) => {
      const onMessage = (told: Told) => {
        if (told.kind !== kind) return;
        this.child.off("message", onMessage).off("exit", onExit);
        resolve(told as Of<K>);
      };
      const onExit = () => reject(new Error("the process of the streams is gone"));
      this.child.on("message", onMessage).once("exit", onExit);
    });
  }
}
