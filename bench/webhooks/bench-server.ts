/** A server in a process of its own, and a client for it. */
import { createSignetClient, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { Helper, TOKEN } from "./processes.js";

const STAGES = ["dev", "staging", "prod"] as const;

export class BenchServer implements Disposable {
  #published = 0;

  private constructor(
    readonly client: SignetClient,
    readonly orgId: string,
    private readonly projectId: string,
    private readonly connection: Disposable,
    private readonly helper: Helper,
  ) {}

  static async start(): Promise<BenchServer> {
    const helper = await Helper.start("server");
    const { url, orgId = "", projectId = "" } = helper.ready;
    const connection = openNodeTransport({ url, timeoutMs: 60_000 });
    const client = createSignetClient({ transport: connection.transport, token: TOKEN });
    return new BenchServer(client, orgId, projectId, connection, helper);
  }

  /** Publishes to one environment after the other. */
  async publish(): Promise<void> {
    this.#published += 1;
    const envName = STAGES[this.#published % STAGES.length] ?? "dev";
    const policies = `{"number":${this.#published}}`;
    await this.client.bundles.publishBundle({ orgId: this.orgId, projectId: this.projectId, envName, policies });
  }

  async publishMany(count: number, clients: number): Promise<void> {
    let left = count;
    const work = Array.from({ length: clients }, async () => {
      for (; left > 0;) {
        left -= 1;
        await this.publish();
      }
    });
    await Promise.all(work);
  }

  async hook(url: string): Promise<string> {
    const { id } = await this.client.webhooks.createWebhook({ orgId: this.orgId, url, events: ["bundle.*"] });
    return id;
  }

  async hooks(urls: readonly string[]): Promise<void> {
    for (let start = 0; start < urls.length; start += 50) {
      await Promise.all(urls.slice(start, start + 50).map((url) => this.hook(url)));
    }
  }

  async untilNonePending(webhookId: string): Promise<void> {
    const pending = { orgId: this.orgId, webhookId, state: "pending", limit: 1 };
    while ((await this.client.webhooks.listWebhookDeliveries(pending)).total > 0);
  }

  use() {
    return this.helper.use();
  }

  [Symbol.dispose](): void {
    this.connection[Symbol.dispose]();
    this.helper[Symbol.dispose]();
  }
}
