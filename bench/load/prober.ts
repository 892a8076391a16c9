/** Other clients' requests, one after the other, while something else goes on. */
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { median, quantile, rounded } from "../figures.js";

export interface ProberOptions {
  readonly url: string;
  readonly token: string;
  /** Asked in turn. */
  readonly paths: readonly string[];
  /** On one connection, or each on a new one. */
  readonly keepAlive: boolean;
}

export class Prober implements Disposable {
  readonly #agent: Agent;

  constructor(private readonly options: ProberOptions) {
    this.#agent = new Agent({ keepAlive: options.keepAlive, maxSockets: 1 });
  }

  /** How long each request took, in ms, until `work` was done. */
  async during(work: () => Promise<void>): Promise<readonly number[]> {
    const { paths } = this.options;
    const ms: number[] = [];
    let isDone = false;
    const worked = work().finally(() => (isDone = true));
    // It is awaited below; until then nobody else looks at it.
    worked.catch(() => undefined);
    for (let turn = 0; !isDone; turn += 1) {
      const from = performance.now();
      await this.#get(paths[turn % paths.length] ?? "/");
      ms.push(performance.now() - from);
      // Load of its own would be measured too.
      await sleep(2);
    }
    await worked;
    return ms;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #get(path: string): Promise<void> {
    const { url, token } = this.options;
    await new Promise<void>((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` };
      const sent = request(`${url}${path}`, { agent: this.#agent, headers });
      sent.on("error", reject).on("response", (answer) => {
        answer.resume().on("end", () => {
          if (answer.statusCode === 200) resolve();
          else reject(new Error(`${path} answered ${answer.statusCode}`));
        });
      });
      sent.end();
    });
  }
}

export function probeRow(ms: readonly number[]) {
  return {
    requests: ms.length,
    "p50, ms": rounded(median(ms), 2),
    "p99, ms": rounded(quantile(ms, 0.99)),
    "longest, ms": rounded(quantile(ms, 1)),
  };
}
