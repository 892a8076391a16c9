/** Many keep-alive connections that ask the same over and over, in a process of their own. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";

/** A GET, as bytes and in parts: each connection sends the next one when it has the answer to the one before. */
export interface PollLoad {
  readonly port: number;
  /** The whole request. */
  readonly request: string;
  readonly connections: number;
  readonly durationMs: number;
  /** Any other status ends the run with an error. */
  readonly status: number;
}

/** What came of it. */
export interface PollResult {
  readonly answers: number;
  readonly tookMs: number;
  /** How much of the time the load had something to do: well below 1, it is not what is measured. */
  readonly busyShare: number;
}

export type PollTold = ({ readonly kind: "done" } & PollResult) | { readonly kind: "failed"; readonly why: string };

export class Pollers implements AsyncDisposable {
  private constructor(private readonly child: ChildProcess) {}

  static async start(): Promise<Pollers> {
    const child = fork(new URL("./pollers-process.js", import.meta.url));
    await once(child, "spawn");
    return new Pollers(child);
  }

  get pid(): number {
    return this.child.pid ?? NaN;
  }

  async run(load: PollLoad): Promise<PollResult> {
    const message = once(this.child, "message") as Promise<[PollTold]>;
    this.child.send(load);
    const [told] = await message;
    if (told.kind === "failed") throw new Error(told.why);
    return told;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.child, "exit");
    this.child.kill();
    await gone;
  }
}
