/** Uses the client that OpenAPI Generator's typescript-fetch generates: publishes, promotes, reads what came of it, and a refusal. */
import assert from "node:assert/strict";
import { BundleApi, Configuration, ModelErrorFromJSON, ResponseError } from "./client/index";

async function main(): Promise<void> {
  const { SIGNET_URL, SIGNET_TOKEN, ORG_ID = "", PROJECT_ID = "", CLIENT_NAME = "" } = process.env;
  const bundles = new BundleApi(new Configuration({ basePath: SIGNET_URL, accessToken: SIGNET_TOKEN }));
  const project = { orgId: ORG_ID, projectId: PROJECT_ID };
  const policies = { pii: { enabled: true }, threshold: 0.5, limit: 4294967295 };

  const published = await bundles.publishBundle({
    ...{ ...project, envName: "dev" },
    publishBundleRequest: { policies, title: CLIENT_NAME, labels: { client: CLIENT_NAME } },
  });
  assert.equal(published.version, 1);
  assert.equal(published.isActive, true);
  assert.ok(published.publishedAt instanceof Date);

  const promoteBundleRequest = { promotedBy: CLIENT_NAME };
  const promoted = await bundles.promoteBundle({ ...project, sourceEnv: "dev", promoteBundleRequest });
  assert.equal(promoted.origin, "promote");
  assert.equal(promoted.publishedBy, CLIENT_NAME);

  const read = await bundles.getBundle({ ...project, envName: "staging", version: 1 });
  assert.deepEqual(read.policiesJson, policies);
  assert.equal(read.policyHash, published.policyHash);

  const refused: unknown = await bundles
    .getBundle({ ...project, envName: "staging", version: 4294967295 })
    .catch((error: unknown) => error);
  assert.ok(refused instanceof ResponseError);
  const { code, requestId } = ModelErrorFromJSON(await refused.response.json());
  assert.equal(code, 404);
  assert.notEqual(requestId, "");
}

void main();
