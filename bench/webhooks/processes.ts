/** The processes of a measurement, each with its own event loop: receivers, and servers. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What a process tells: where it is, once, and then what it is asked for. */
export type Told =
  | { readonly kind: "ready"; readonly url: string; readonly orgId?: string; readonly projectId?: string }
  | { readonly kind: "arrived"; readonly arrivedAt: number; readonly all: number }
  | { readonly kind: "used"; readonly cpuMs: number; readonly rssMiB: number };

/** What a process is asked for. */
export type Asked =
  { readonly kind: "count"; readonly events: number; readonly again: boolean } | { readonly kind: "use" };

export const TOKEN = "bench-admin-token-0123456789";

/** Milliseconds of a clock that the processes of one machine share. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export class Helper implements Disposable {
  private constructor(
    readonly ready: Told & { readonly kind: "ready" },
    private readonly child: ChildProcess,
  ) {}

  static async start(role: "receiver" | "silent" | "server"): Promise<Helper> {
    const child = fork(fileURLToPath(new URL("./roles.js", import.meta.url)), [role]);
    const [told] = (await once(child, "message")) as [Told];
    if (told.kind !== "ready") throw new Error("a process that did not start");
    return new Helper(told, child);
  }

  /**
   * Begins to count anew; resolves when so many different events have come: when the last did, and how many requests it took. What
   * came before and comes again is a request and no event, unless `again`.
   */
  async count(events: number, again = false): Promise<{ readonly arrivedAt: number; readonly all: number }> {
    const told = await this.#ask({ kind: "count", events, again });
    if (told.kind !== "arrived") throw new Error(`asked for arrivals, told ${told.kind}`);
    return told;
  }

  /** Processor time since its start, and memory. */
  async use(): Promise<{ readonly cpuMs: number; readonly rssMiB: number }> {
    const told = await this.#ask({ kind: "use" });
    if (told.kind !== "used") throw new Error(`asked for its use, told ${told.kind}`);
    return told;
  }

  async #ask(asked: Asked): Promise<Told> {
    const told = once(this.child, "message") as Promise<[Told]>;
    this.child.send(asked);
    return (await told)[0];
  }

  [Symbol.dispose](): void {
    this.child.kill();
  }
}
