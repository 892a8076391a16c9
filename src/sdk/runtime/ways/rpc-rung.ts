import type { WatchBundleResponse } from "../../../../gen/signet/v1/runtime_pb.js";
import type { SignetClient } from "../../client.js";
import { limitSilence } from "../../limit-silence.js";
import type { Following, Rung } from "./rung.js";
import { newsOf, type LatestCalls, type WatchMessage } from "./watch-news.js";

/** Follows by a stream of RPC: gRPC or Connect, as the client's transport is. */
export function createRpcRung(
  name: "grpc" | "connect",
  client: Pick<SignetClient, "runtimes">,
  { instanceId, labels, silentMs }: Following,
): Rung {
  return {
    name,
    open(position, signal, firstMs) {
      const { sequence, deploymentId, rootVersion } = position();
      const cursor = { afterSequence: sequence, afterDeploymentId: deploymentId, rootVersion };
      const request = { ...cursor, instanceId, labels: { ...labels }, content: true };
      const call = (connection: AbortSignal) =>
        client.runtimes.watchBundle(request, { signal: connection, timeoutMs: 0 });
      const latest: LatestCalls = {
        attestation: async () => (await client.runtimes.getLatestAttestation({}, { signal })).attestation,
        async content() {
          const { content } = await client.runtimes.getLatestContent({}, { signal });
          return new TextEncoder().encode(content);
        },
      };
      return newsOf(messagesOf(limitSilence(call, silentMs, signal, firstMs)), latest);
    },
  };
}

async function* messagesOf(pushed: AsyncIterable<WatchBundleResponse>): AsyncGenerator<WatchMessage> {
  for await (const { sequence, deploymentId = "", event } of pushed) {
    const about = { sequence, deploymentId };
    switch (event.case) {
      case "trustRoot":
        yield { type: "root", version: event.value.version, envelope: event.value.envelope };
        break;
      case "activation": {
        const { attestation = null, content = "", sequence: own, deploymentId: ownId } = event.value;
        yield { type: "activation", about: { sequence: own, deploymentId: ownId }, attestation, content };
        break;
      }
      case "heartbeat":
      case "nothingActive":
        yield { type: "other", about, attestation: event.value.attestation ?? null };
        break;
      case undefined:
        // A newer server's kind of message.
        break;
    }
  }
}
