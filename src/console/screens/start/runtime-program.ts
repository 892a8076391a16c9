import { API_URL } from "../../data/links.js";

/** A program that enforces what is active in an environment and reports it, with the SDK; its token comes from SIGNET_TOKEN. */
export function runtimeProgram(env: string): string {
  return `import { createSignetClient, createStatusReporter, parsePublicKey, watchBundle } from "@signet/sdk";
import { openNodeTransport } from "@signet/sdk/node";

const { transport } = openNodeTransport({ url: "${API_URL}" });
const client = createSignetClient({ transport, token: process.env.SIGNET_TOKEN });
const { keys } = await client.bundles.listKeys({});
const reporter = createStatusReporter(client, { instanceId: "first-runtime" });
for await (const event of watchBundle(client, { keys: keys.map((key) => parsePublicKey(key.publicKeyPem)), expect: { environment: "${env}" } })) {
  if (event.type !== "activation") continue;
  const { sequence, deploymentId, bundle } = event.activation;
  console.log("applying", bundle.document.policies);
  reporter.report({ state: "applied", sequence, deploymentId });
}`;
}
