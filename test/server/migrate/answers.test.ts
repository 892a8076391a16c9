import { join } from "node:path";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { createSignetClient } from "../../../src/sdk/index.js";
import { openNodeTransport } from "../../../src/sdk/node-transport.js";
import { DEFAULT_OPTIONS, startServer } from "../../../src/server/server.js";
import { testConfig } from "../../support/server.js";
import {
  askOf,
  firstProject,
  keyedRequests,
  live,
  OPERATOR_TOKEN,
  SIGNING_KEY,
  type Ask,
} from "../../upgrade/history.js";
import { KEY_SECRET, Moving } from "./moving.js";

const moving = new Moving();
const VERSIONS = 12;

async function start(data: string, settings: Readonly<Record<string, string>> = {}) {
  const config = testConfig({
    ...{ SIGNET_DATA: data, SIGNET_ADMIN_TOKEN: OPERATOR_TOKEN, SIGNET_SIGNING_KEY: SIGNING_KEY },
    // One try, and the next one tomorrow.
    ...{ SIGNET_WEBHOOK_RETRY_SECONDS: "0,86400", SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8" },
    ...settings,
  });
  return await startServer(config, pino({ level: "silent" }), DEFAULT_OPTIONS);
}

async function onPostgres() {
  const { url } = await moving.database();
  return await start(join(moving.folder, "node"), { SIGNET_DATABASE_URL: url, SIGNET_KEY_SECRET: KEY_SECRET });
}

interface Life {
  readonly orgId: string;
  readonly projectId: string;
  readonly webhookId: string;
  readonly runtimeToken: string;
  readonly answers: Record<string, unknown>;
}

/** Every kind of row. */
async function liveLong(ask: Ask): Promise<Life> {
  const done = async (method: string, path: string, body?: unknown) => {
    const answer = await ask(method, path, body);
    if (answer.status >= 300)
      throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body as Record<string, string>;
  };
  const { orgId, base } = await firstProject(ask);
  const projectId = base.split("/").at(-1) ?? "";
  const org = `/v1/orgs/${orgId}`;
  const { id: webhookId = "" } = await done("POST", `${org}/webhooks`, {
    url: "http://127.0.0.1:9/hook",
    events: ["bundle.published"],
  });
  const answers = await live(ask);
  for (let n = 3; n <= VERSIONS; n += 1) {
    await done("POST", `${base}/envs/dev/bundles/publish`, {
      policies: { n, text: `é 😀 ${"x".repeat(n * 100)}` },
      published_by: "ci",
    });
  }
  await done("POST", `${base}/envs/dev/bundles/4/activate`, { reason: "a rollback" });
  await done("POST", `${base}/envs/dev/promote`, { promoted_by: "ci" });
  await done("DELETE", `${base}/envs/dev/bundles/${VERSIONS - 1}`);
  await done("PUT", `${base}/schema`, { schema: { type: "object" } });
  await done("POST", "/v1/orgs", { name: "Other" });
  const { id: doomed } = await done("POST", `${org}/projects`, { name: "Doomed" });
  await done("DELETE", `${org}/projects/${doomed ?? ""}`);
  const environments = (await ask("GET", `${base}/environments`)).body as { id: string; name: string }[];
  const environmentId = environments.find(({ name }) => name === "dev")?.id;
  const token = { project_id: projectId, environment_id: environmentId, name: "runtime" };
  const { raw_key: runtimeToken = "", id } = await done("POST", `${org}/tokens/runtime`, token);
  await done("POST", `${org}/tokens/${id ?? ""}/rotate`, { grace_seconds: 3600 });
  const { id: gone } = await done("POST", `${org}/tokens/ci`, { project_id: projectId, name: "gone" });
  await done("DELETE", `${org}/tokens/${gone ?? ""}`);
  return { orgId, projectId, webhookId, runtimeToken, answers };
}

function pathsOf({ orgId, projectId }: Life): readonly string[] {
  const org = `/v1/orgs/${orgId}`;
  const project = `${org}/projects/${projectId}`;
  const dev = `${project}/envs/dev`;
  const each = (count: number, path: (n: number) => string) => Array.from({ length: count }, (_, n) => path(n + 1));
  return [
    ...["/v1/orgs", org, `${org}/projects`, project, "/v1/keys"],
    ...[
      `${project}/environments`,
      `${project}/environments/dev`,
      `${project}/environments/staging`,
      `${project}/schema`,
    ],
    ...["/v1/pipelines", "/v3/pipelines", "/v1/keys/rotation", `/v1/source-artifacts?project_id=${projectId}`],
    ...[`${org}/webhooks`, `${org}/tokens`, `${org}/tokens?key_type=ci`, `${org}/trusted-origins`],
    ...[`${project}/envs/staging/bundles`, `${project}/envs/staging/deployments`],
    ...each(VERSIONS, (n) => `${dev}/bundles/${n}`),
    ...each(VERSIONS, (n) => `${dev}/bundles/${n}/document`),
    ...each(VERSIONS, (n) => `${dev}/bundles/1/diff/${n}`),
    ...each(VERSIONS, (n) => `${dev}/bundles?limit=4&before_version=${n + 1}`),
    ...each(VERSIONS + 4, (n) => `${dev}/deployments?limit=3&offset=${n}`),
    ...each(VERSIONS, (n) => `${project}/compare?from_env=dev&from_version=${n}&to_env=staging&to_version=1`),
    ...each(30, (n) => `${org}/audit?limit=7&before=${n}`),
    ...each(20, (n) => `${org}/audit?limit=1&after=${n}`),
    ...each(10, (n) => `${org}/audit?limit=9&before=${n * 5}&action=bundle.*`),
    ...["token.created", "bundle.published", "project.created", "token.*"].map(
      (it) => `${org}/audit?before=40&action=${it}`,
    ),
    ...["dev", "staging", "none"].map((it) => `${org}/audit?before=40&project_id=${projectId}&environment=${it}`),
    `${org}/audit?before=40&resource_type=bundle`,
  ];
}

/** What is not a time of use: the server is used between two readings. */
async function answersOf(url: string, life: Life): Promise<Readonly<Record<string, string>>> {
  const answers: Record<string, string> = {};
  for (const path of pathsOf(life)) {
    const answer = await fetch(`${url}${path}`, { headers: { "x-api-key": OPERATOR_TOKEN } });
    const text = (await answer.text()).replace(/"(last_used_at|request_?[iI]d)":(null|"[^"]*")/g, '"$1":"…"');
    // The audit has one event more after a move.
    const total = path.includes("/audit?") ? "" : (answer.headers.get("x-total-count") ?? "");
    answers[path] = `${answer.status} ${total} ${text}`;
  }
  return answers;
}

/** The sequence and the document that a runtime gets, and what the operator lists over gRPC. */
async function overGrpc(url: string, life: Life) {
  const connection = openNodeTransport({ url, timeoutMs: 30_000, tls: {} });
  try {
    const runtime = createSignetClient({ transport: connection.transport, token: life.runtimeToken });
    const end = new AbortController();
    const events = runtime.runtimes.watchBundle({}, { signal: end.signal })[Symbol.asyncIterator]();
    const { value } = await events.next();
    end.abort();
    const admin = createSignetClient({ transport: connection.transport, token: OPERATOR_TOKEN });
    const { orgId, projectId } = life;
    const lists = [
      await admin.bundles.listBundles({ orgId, projectId, envName: "dev" }),
      await admin.organizations.listEnvironments({ orgId, projectId }),
      await admin.webhooks.listWebhooks({ orgId }),
    ];
    const text = (it: unknown) =>
      JSON.stringify(it, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part));
    return { watched: text(value), lists: lists.map(text) };
  } finally {
    connection[Symbol.dispose]();
  }
}

async function delivered(ask: Ask, { orgId, webhookId }: Life): Promise<void> {
  const attempts = async () => {
    const { body } = await ask("GET", `/v1/orgs/${orgId}/webhooks/${webhookId}/deliveries?limit=100`);
    return JSON.stringify(body);
  };
  await expect.poll(attempts, { timeout: 20_000 }).toContain('"attempts":1');
}

describe("a server whose data was moved", () => {
  it("answers on PostgreSQL, and back on SQLite, byte for byte as before", { timeout: 240_000 }, async () => {
    const data = join(moving.folder, "source");
    let before: Readonly<Record<string, string>>;
    let grpc: Awaited<ReturnType<typeof overGrpc>>;
    let life: Life;
    {
      await using server = await start(data);
      const ask = askOf(server.url);
      life = await liveLong(ask);
      await delivered(ask, life);
      before = await answersOf(server.url, life);
      grpc = await overGrpc(server.url, life);
      expect(Object.keys(before).length).toBeGreaterThan(140);
      const refused = Object.entries(before).filter(([, answer]) => !answer.startsWith("200"));
      // The deleted version, and the comparison with it.
      expect(
        refused.map(([path, answer]) => [path, answer.slice(0, 3)]).filter(([, status]) => status !== "404"),
      ).toEqual([]);
      expect(refused.length).toBeLessThan(8);
    }
    await moving.toPostgres(data);
    const same = async (url: string) => {
      const now = await answersOf(url, life);
      expect(Object.keys(now).filter((path) => now[path] !== before[path])).toEqual([]);
      expect(await overGrpc(url, life)).toEqual(grpc);
      const ask = askOf(url);
      for (const [key, method, path, body] of keyedRequests({
        base: `/v1/orgs/${life.orgId}/projects/${life.projectId}`,
      })) {
        const answer = await ask(method, path, body, { "idempotency-key": key });
        expect(answer, key).toMatchObject({ status: 200, body: life.answers[key] });
      }
      expect((await ask("GET", `/v1/orgs/${life.orgId}/audit/verify`)).body).toMatchObject({ valid: true });
    };
    {
      await using server = await onPostgres();
      await same(server.url);
    }
    const back = join(moving.folder, "back");
    await moving.toSqlite(back);
    await using server = await start(back);
    await same(server.url);
    // And it goes on where it stood: numbers that were given are not given again.
    const base = `/v1/orgs/${life.orgId}/projects/${life.projectId}`;
    const { body } = await askOf(server.url)("POST", `${base}/envs/dev/bundles/publish`, { policies: { next: true } });
    expect(body).toMatchObject({ version: VERSIONS + 1 });
  });
});
