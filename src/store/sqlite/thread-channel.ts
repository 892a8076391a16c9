import {
  MessageChannel,
  receiveMessageOnPort,
  type MessagePort,
  type Transferable,
  type Worker,
} from "node:worker_threads";
import { AppError } from "../../core/error.js";
import type { Answer, Channel, Failure, Step } from "./channel.js";
import type { ThreadOptions, ThreadRequest, ThreadResponse } from "./thread.js";

/** Starts the thread whose entry is thread.ts with this as its `workerData`. */
export type StartDatabaseThread = (workerData: unknown, transferList: Transferable[]) => Worker;

/** Names that the thread keeps for statements; after so many all are given anew. */
const MAX_NAMES = 500;

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** A connection in a thread of its own: a slow disk does not block this one. */
export class ThreadChannel implements Channel {
  readonly lost: Promise<Error>;
  readonly #port: MessagePort;
  readonly #wake = new Int32Array(new SharedArrayBuffer(4));
  /** In the order in which they were asked, which is the order of the answers. */
  readonly #waiting: Waiting[] = [];
  readonly #names = new Map<string, number>();
  #ended: Error | null = null;
  #isClosing = false;

  /** Resolves when the connection is open; rejects with what opening it threw, or `unavailable` when no thread could be started. */
  static async open(start: StartDatabaseThread, options: Omit<ThreadOptions, "port" | "wake">): Promise<ThreadChannel> {
    const { port1, port2 } = new MessageChannel();
    const channel = new ThreadChannel(port1);
    const worker = start({ ...options, port: port2, wake: channel.#wake } satisfies ThreadOptions, [port2]);
    channel.#watch(worker);
    await new Promise<Answer>((resolve, reject) => channel.#await({ resolve, reject }));
    return channel;
  }

  private constructor(port: MessagePort) {
    this.#port = port;
    this.lost = new Promise((resolve) => (this.#tellLost = resolve));
    port.on("message", (response: ThreadResponse) => this.#answered(response));
    port.unref();
  }

  #tellLost: (reason: Error) => void = () => undefined;

  run(steps: readonly Step[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) return reject(this.#ended);
      if (this.#names.size >= MAX_NAMES) this.#names.clear();
      this.#isClosing ||= steps.at(-1)?.op === "close";
      const forget = this.#names.size === 0;
      const request: ThreadRequest = { forget, steps: steps.map((step) => this.#named(step)) };
      this.#port.postMessage(request);
      Atomics.add(this.#wake, 0, 1);
      Atomics.notify(this.#wake, 0);
      this.#await({ resolve, reject });
    });
  }

  /** The text of a statement goes to the thread once. */
  #named(step: Step): ThreadRequest["steps"][number] {
    if (step.op !== "query") return step;
    const { op, sql, parameters } = step;
    const known = this.#names.get(sql);
    if (known !== undefined) return { op, name: known, parameters };
    const name = this.#names.size;
    this.#names.set(sql, name);
    return { op, name, sql, parameters };
  }

  #await(waiting: Waiting): void {
    // A pending answer keeps the process alive; an idle thread does not.
    if (this.#waiting.push(waiting) === 1) this.#port.ref();
  }

  #answered(response: ThreadResponse): void {
    const waiting = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#port.unref();
    if ("failure" in response) waiting?.reject(errorOf(response.failure));
    else waiting?.resolve(response.answer);
  }

  /** Node may tell that a thread has ended before it hands over what the thread answered last. */
  #takeLastAnswers(): void {
    for (let last = receiveMessageOnPort(this.#port); last !== undefined; last = receiveMessageOnPort(this.#port)) {
      this.#answered(last.message as ThreadResponse);
    }
  }

  #watch(worker: Worker): void {
    worker.unref();
    let reason: Error | null = null;
    worker.on("error", (error: Error) => (reason = error));
    worker.on("exit", () => {
      this.#takeLastAnswers();
      const cause = reason ?? new Error("it ended by itself");
      this.#ended = this.#isClosing
        ? new AppError("unavailable", "the database is closed")
        : new AppError("unavailable", `the thread of the database ended: ${cause.message}`, { cause });
      if (!this.#isClosing) this.#tellLost(this.#ended);
      for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
      this.#port.close();
    });
  }
}

function errorOf({ code, message, reason, cause }: Failure): AppError {
  return new AppError(code, message, {
    ...(reason === undefined ? {} : { reason }),
    cause: Object.assign(new Error(cause.message), cause),
  });
}
