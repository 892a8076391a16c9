/**
 * What is done to a new data directory before it is kept, and asked again by every later release. The requests are plain REST, so
 * that one script drives the servers of all releases; a release that lacks a method answers 404 and keeps nothing of it.
 */
export const OPERATOR_TOKEN = "upgrade-admin-token-0123456789";

/** Seed 00..1f, as in the vectors of the bundle format. */
export const SIGNING_KEY = [
  "-----BEGIN PRIVATE KEY-----",
  "MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
  "-----END PRIVATE KEY-----",
].join("\n");

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A request with the operator's token, or another one. */
export type Ask = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;

export function askOf(url: string): Ask {
  return async (method, path, body, headers = {}) => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { "x-api-key": OPERATOR_TOKEN, "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === "" ? null : JSON.parse(text) };
  };
}

/** Requests that carry an Idempotency-Key: asked once before the upgrade and once after it, the answers are the same. */
export function keyedRequests(ids: { readonly base: string }) {
  const policies = { pii: { enabled: true, threshold: 0.5, names: ["é", "😀"] }, limit: 3 };
  const scope_policies = { "*:*:*:dev": { pii: { enabled: false } } };
  return [
    ["publish-1", "POST", `${ids.base}/envs/dev/bundles/publish`, { policies: { n: 1 }, published_by: "ci" }],
    ["publish-2", "POST", `${ids.base}/envs/dev/bundles/publish`, { policies, scope_policies, title: "Second" }],
    ["promote-1", "POST", `${ids.base}/envs/dev/promote`, { promoted_by: "ci" }],
    ["activate-1", "POST", `${ids.base}/envs/dev/bundles/1/activate`, undefined],
  ] as const;
}

/** The organization and the base path of the first project. */
export async function firstProject(ask: Ask): Promise<{ readonly orgId: string; readonly base: string }> {
  const { org_id: orgId } = (await ask("GET", "/v1/whoami")).body as { org_id: string };
  const projects = (await ask("GET", `/v1/orgs/${orgId}/projects`)).body as { id: string }[];
  return { orgId, base: `/v1/orgs/${orgId}/projects/${projects[0]?.id}` };
}

/** A life of a few requests. Resolves with the answers of the keyed ones. */
export async function live(ask: Ask): Promise<Record<string, unknown>> {
  const { orgId, base } = await firstProject(ask);
  const answers: Record<string, unknown> = {};
  for (const [key, method, path, body] of keyedRequests({ base })) {
    const answer = await ask(method, path, body, { "idempotency-key": key });
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`);
    answers[key] = answer.body;
  }
  const projectId = base.split("/").at(-1);
  await ask("POST", `/v1/orgs/${orgId}/tokens/ci`, { project_id: projectId, name: "ci" });
  await ask("POST", `/v1/orgs/${orgId}/webhooks`, { url: "https://127.0.0.1:9/hook", events: ["bundle.published"] });
  await ask("POST", "/v1/pipelines", { display_name: "Main", type: "trunk", project_id: projectId });
  await ask("POST", "/v1/source-artifacts", { project_id: projectId, policies: { draft: true }, name: "draft" });
  return answers;
}
