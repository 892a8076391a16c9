import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSignetClient, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { ADMIN_TOKEN } from "../support/server.js";
import { startNodes, type Nodes } from "../support/two-nodes.js";

let nodes: Nodes;
const connections: Disposable[] = [];
/** Admins of the node that answers the writes, and of the other. */
let here: SignetClient;
let there: SignetClient;
let orgId = "";
let projectId = "";

beforeAll(async () => {
  nodes = await startNodes(2, { SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8" }, {});
  [here, there] = [clientOf(0), clientOf(1)];
  ({ orgId = "", projectId = "" } = nodes.servers[0].firstStart ?? {});
});
afterAll(async () => {
  for (const connection of connections) connection[Symbol.dispose]();
  await nodes[Symbol.asyncDispose]();
});

function clientOf(node: number, token = ADMIN_TOKEN): SignetClient {
  const connection = openNodeTransport({ url: nodes.servers[node]?.url ?? "", timeoutMs: 60_000 });
  connections.push(connection);
  return createSignetClient({ transport: connection.transport, token });
}

/** The node that answered shows it at once, the other soon; how soon is printed. */
async function isSeen<T>(what: string, look: (node: SignetClient) => Promise<T>, expected: T): Promise<void> {
  const answered = performance.now();
  expect(await look(here)).toEqual(expected);
  await expect.poll(() => look(there), { interval: 5, timeout: 30_000 }).toEqual(expected);
  console.info(`${what}: on the other node within ${Math.ceil(performance.now() - answered)} ms`);
}

const dev = () => ({ orgId, projectId, envName: "dev" });
const refusal = (call: Promise<unknown>) =>
  call.then(
    () => "answered",
    (error: unknown) => (error as { code?: unknown }).code,
  );

/** The status for a token, on a connection of its own. */
const asks = (token: string | undefined) => async (node: SignetClient) => {
  const url = nodes.servers[node === here ? 0 : 1]?.url ?? "";
  const headers = { "X-API-Key": token ?? "", Connection: "close" };
  return (await fetch(`${url}/v1/whoami`, { headers })).status;
};

describe("what one node answered, on another", () => {
  it("publications, activations, rollbacks and promotions, also where a runtime asked before", async () => {
    const { bundles } = here;
    await bundles.publishBundle({ ...dev(), policies: '{"n":1}' });
    const { id: environmentId } = await here.organizations.getEnvironment(dev());
    const { rawKey = "" } = await here.tokens.createRuntimeToken({ orgId, projectId, environmentId });
    const runtimes = new Map([here, there].map((node, index) => [node, clientOf(index, rawKey)]));
    const active = async (node: SignetClient) => {
      const answer = await runtimes.get(node)?.runtimes.getLatestBundle({});
      const { policies } = JSON.parse(answer?.document ?? "{}") as { policies?: { n: number } };
      return [policies?.n, answer?.sequence];
    };
    await isSeen("a new token", active, [1, 1]);
    await bundles.publishBundle({ ...dev(), policies: '{"n":2}' });
    await isSeen("a publication", active, [2, 2]);
    await bundles.activateBundle({ ...dev(), version: 1 });
    await isSeen("an activation", active, [1, 3]);
    await bundles.activateBundle({ ...dev(), version: 2 });
    await bundles.rollbackBundle(dev());
    await isSeen("a rollback", active, [1, 5]);
    await bundles.promoteBundle({ orgId, projectId, sourceEnv: "dev" });
    const staging = { orgId, projectId, envName: "staging" };
    const versions = async (node: SignetClient) =>
      (await node.bundles.listBundles(staging)).bundles.map(({ version }) => version);
    await isSeen("a promotion", versions, [1]);
  });

  it("the revocation and the rotation of a token that it has cached", async () => {
    const made = await here.tokens.createCiToken({ orgId, projectId });
    const [first, second] = [await here.tokens.rotateToken({ orgId, keyId: made.id }), made];
    await isSeen("the key before a rotation", asks(second.rawKey), 401);
    const current = asks(first.rawKey);
    await isSeen("the key after it", current, 200);
    await here.tokens.revokeToken({ orgId, keyId: made.id });
    await isSeen("a revocation", current, 401);
  });

  it("webhooks, and the ends of environments, projects and organizations", async () => {
    const { id } = await here.webhooks.createWebhook({ orgId, url: "http://127.0.0.1:9/", events: ["bundle.*"] });
    const webhooks = async (node: SignetClient) =>
      (await node.webhooks.listWebhooks({ orgId })).webhooks.map((webhook) => webhook.id);
    await isSeen("a webhook", webhooks, [id]);
    const project = await here.organizations.createProject({ orgId, name: "short" });
    const place = { orgId, projectId: project.id };
    const environment = (node: SignetClient) =>
      refusal(node.organizations.getEnvironment({ ...place, envName: "dev" }));
    await isSeen("a project", environment, "answered");
    await here.organizations.deleteEnvironment({ ...place, envName: "dev", force: true });
    await isSeen("the end of an environment", environment, "not_found");
    await here.organizations.updateEnvironment({ ...place, envName: "prod", protected: false });
    await here.organizations.deleteProject({ ...place, force: true });
    await isSeen("the end of a project", (node) => refusal(node.organizations.getProject(place)), "not_found");
    const { id: other = "", adminToken } = await here.organizations.createOrganization({ name: "short" });
    const whoAmI = asks(adminToken?.rawKey);
    await isSeen("an organization", whoAmI, 200);
    await here.organizations.deleteOrganization({ orgId: other, force: true });
    await isSeen("the end of an organization", whoAmI, 401);
  });
});
