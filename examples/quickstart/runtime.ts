/**
 * A runtime in its own process: watches each environment over gRPC, verifies each push and reports it to the parent process. A
 * policy enforcement point does no more than this.
 */
import { createSignetClient, parsePublicKey, watchBundle } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import type { RuntimeMessage, RuntimeTask } from "./messages.js";

const stop = new AbortController();
process.once("message", (task: RuntimeTask) => void run(task));
process.once("disconnect", () => stop.abort());
// Ctrl-C reaches the whole process group; the parent decides when this process ends.
process.on("SIGINT", () => undefined);

async function run({ url, publicKeysPem, tokens }: RuntimeTask): Promise<void> {
  using connection = openNodeTransport({ url, timeoutMs: 10_000 });
  const keys = publicKeysPem.map(parsePublicKey);
  const watches = Object.entries(tokens).map(([environment, token]) =>
    follow(environment, createSignetClient({ transport: connection.transport, token }), keys),
  );
  await Promise.all(watches);
}

async function follow(
  environment: string,
  client: ReturnType<typeof createSignetClient>,
  keys: ReturnType<typeof parsePublicKey>[],
): Promise<void> {
  const options = { keys, expect: { environment }, instanceId: `quickstart-${environment}`, signal: stop.signal };
  for await (const event of watchBundle(client, options)) {
    switch (event.type) {
      case "connected":
        tell({ type: "watching", environment });
        break;
      case "activation": {
        const { version, sequence, kind, policyHash, activatedAt } = event.activation;
        const latencyMs = Date.now() - activatedAt.getTime();
        tell({ type: "applied", environment, version, sequence, kind, policyHash, latencyMs });
        break;
      }
      case "rejected":
        tell({ type: "refused", environment, reason: `${event.reason}: ${event.message}` });
        break;
      case "nothing_active":
      case "heartbeat":
      case "reconnecting":
      case "cache_failed":
        break;
    }
  }
}

function tell(message: RuntimeMessage): void {
  if (process.connected) process.send?.(message);
}
