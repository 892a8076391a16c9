import type { SignetClient } from "../../src/sdk/index.js";
import type { TestServer } from "../support/server.js";

/** What a fake runtime does with an activation: reports it applied, rejects it with a reason, or says nothing. */
export type Verdict = "applied" | "silent" | { readonly rejected: string };

/** Runtimes that follow environments over real streams. */
export class Fleet implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #ends: Promise<void>[] = [];
  readonly #server: TestServer;
  readonly #judge: (document: string, instance: string) => Verdict;

  constructor(server: TestServer, judge: (document: string, instance: string) => Verdict) {
    this.#server = server;
    this.#judge = judge;
  }

  /** Starts instances in an environment, and resolves when the server counts them. */
  async join(envName: string, ...instances: readonly string[]): Promise<void> {
    const { admin, orgId, projectId } = this.#server;
    const { environments } = await admin.organizations.listEnvironments({ orgId, projectId });
    const environmentId = environments.find(({ name }) => name === envName)?.id;
    const token = await admin.tokens.createRuntimeToken({ orgId, projectId, environmentId, name: instances.join("+") });
    const client = this.#server.clientFor(token.rawKey ?? "");
    const started = instances.map(
      (instanceId) =>
        new Promise<void>((resolve, reject) => {
          this.#ends.push(this.#run(client, instanceId, resolve).catch(reject));
        }),
    );
    await Promise.all(started);
  }

  async #run(client: SignetClient, instanceId: string, told: () => void): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const { event } of client.runtimes.watchBundle({ instanceId }, { signal, timeoutMs: 0 })) {
        told();
        if (event.case !== "activation") continue;
        const { sequence, deploymentId, document } = event.value;
        const verdict = this.#judge(document, instanceId);
        if (verdict === "silent") continue;
        const outcome = verdict === "applied" ? { state: "applied" } : { state: "rejected", reason: verdict.rejected };
        await client.runtimes.reportStatus({ instanceId, sequence, deploymentId, ...outcome });
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#ends);
  }
}
