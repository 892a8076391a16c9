/** Many readers of one environment, half of them by server-sent events and half by held polls, in a process of their own. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";

/** Whom they read. */
export interface ReaderLoad {
  readonly port: number;
  /** Null: none is sent. */
  readonly token: string | null;
  readonly watches: number;
  readonly polls: number;
}

export type ReaderAsked =
  | ({ readonly kind: "open" } & ReaderLoad)
  /** Tell when all have another sequence than this. */
  | { readonly kind: "expect"; readonly after: number };

export type ReaderTold =
  | { readonly kind: "opened"; readonly sequence: number }
  /** When each had it, on the clock of `now()`. */
  | { readonly kind: "arrived"; readonly at: readonly number[]; readonly sequence: number }
  | { readonly kind: "failed"; readonly why: string };

export class Readers implements AsyncDisposable {
  private constructor(
    private readonly child: ChildProcess,
    private sequence: number,
  ) {}

  /** Resolves when all of them are there: watches with the first message, polls held. */
  static async open(load: ReaderLoad): Promise<Readers> {
    const child = fork(new URL("./readers-process.js", import.meta.url));
    const told = once(child, "message") as Promise<[ReaderTold]>;
    child.send({ kind: "open", ...load } satisfies ReaderAsked);
    const [opened] = await told;
    if (opened.kind !== "opened") throw new Error(opened.kind === "failed" ? opened.why : "not opened");
    return new Readers(child, opened.sequence);
  }

  /** When each of them has the next activation, which `change` makes. */
  async arrivals(change: () => Promise<void>): Promise<readonly number[]> {
    const told = once(this.child, "message") as Promise<[ReaderTold]>;
    this.child.send({ kind: "expect", after: this.sequence } satisfies ReaderAsked);
    await change();
    const [arrived] = await told;
    if (arrived.kind !== "arrived") throw new Error(arrived.kind === "failed" ? arrived.why : "not arrived");
    this.sequence = arrived.sequence;
    return arrived.at;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.child, "exit");
    this.child.kill();
    await gone;
  }
}
