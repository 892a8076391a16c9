/**
 * Measures what a long history costs: `node dist/bench/history.js` after the build. Two servers, one with a short history and one
 * with a long one, seeded straight into their databases (about 10 GB and some minutes at full size), are asked the same in turn.
 *
 * VERSIONS, AUDIT_EVENTS and ROUNDS in the environment make a run smaller.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { seedHistory, type HistorySize } from "./seed-history.js";
import { BENCH_TOKEN, SignetProcess } from "./signet-process.js";

const LONG: HistorySize = {
  versions: Number(process.env["VERSIONS"] ?? 1_000_000),
  auditEvents: Number(process.env["AUDIT_EVENTS"] ?? 10_000_000),
};
const SHORT: HistorySize = { versions: 1_000, auditEvents: 10_000 };
const ROUNDS = Number(process.env["ROUNDS"] ?? 7);
/** Of each kind in a round, in blocks: what else the machine does meets both servers alike. */
const BLOCKS = 20;
const CALLS_OF_A_BLOCK = 20;
const STARTS = 3;

interface Call {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly token: string;
  readonly body?: string;
}

/** Runs the whole benchmark and prints its tables. */
export async function benchHistory(): Promise<void> {
  console.log(`Node ${process.version}, ${availableParallelism()} cores, ${new Date().toISOString()}`);
  await using short = await History.open(SHORT);
  await using long = await History.open(LONG);
  const names = Object.keys(short.calls());
  const took = new Map(names.map((name) => [name, { short: [] as number[], long: [] as number[] }]));
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const name of names) {
      const ms = { short: 0, long: 0 };
      for (let block = 0; block < BLOCKS; block += 1) {
        // Who comes first changes.
        const order = block % 2 === 0 ? (["short", "long"] as const) : (["long", "short"] as const);
        for (const which of order) ms[which] += (await (which === "short" ? short : long).measure(name)) / BLOCKS;
      }
      // The first round warms up.
      if (round === 0) continue;
      took.get(name)?.short.push(ms.short);
      took.get(name)?.long.push(ms.long);
    }
  }
  console.log(
    `\nOne call after the other, ms each (medians of ${ROUNDS} rounds of ${BLOCKS * CALLS_OF_A_BLOCK}): ${SHORT.versions} versions and ` +
      `${SHORT.auditEvents} audit events, ${LONG.versions} versions and ${LONG.auditEvents} audit events\n`,
  );
  const rows = [...took].map(([name, ms]) => [name, row(ms.short, ms.long)] as const);
  const starts = ["start-up", row(short.startsMs, long.startsMs)] as const;
  console.table(Object.fromEntries([...rows, starts]));
}

function row(short: readonly number[], long: readonly number[]) {
  const [a, b] = [median(short), median(long)];
  return { short: Number(a.toFixed(3)), long: Number(b.toFixed(3)), ratio: Number((b / a).toFixed(2)) };
}

class History implements AsyncDisposable {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });
  private published = 0;

  private constructor(
    private readonly directory: string,
    private readonly server: SignetProcess,
    private readonly where: { readonly orgId: string; readonly projectId: string },
    private readonly size: HistorySize,
    private readonly runtimeToken: string,
    readonly startsMs: readonly number[],
  ) {}

  static async open(size: HistorySize): Promise<History> {
    const directory = await mkdtemp(join(tmpdir(), "signet-bench-"));
    const { firstStart } = await startOnce(directory);
    if (firstStart === null) throw new Error("a new directory that is not new");
    const from = performance.now();
    seedHistory(directory, size);
    const seconds = ((performance.now() - from) / 1000).toFixed(0);
    console.log(`seeded ${size.versions} versions and ${size.auditEvents} audit events in ${seconds} s`);
    const startsMs: number[] = [];
    for (let start = 0; start < STARTS; start += 1) startsMs.push((await startOnce(directory)).startMs);
    const server = await SignetProcess.start(directory);
    const token = await runtimeTokenOf(server.started.url, firstStart);
    return new History(directory, server, firstStart, size, token, startsMs);
  }

  calls(): Record<string, () => Call> {
    const org = `/v1/orgs/${this.where.orgId}`;
    const env = `${org}/projects/${this.where.projectId}/envs/dev`;
    const get =
      (path: string, token = BENCH_TOKEN) =>
      () => ({ method: "GET" as const, path, token });
    const { versions, auditEvents } = this.size;
    return {
      publish: () => {
        const policies = { number: (this.published += 1), text: "x".repeat(10_000) };
        const body = JSON.stringify({ policies });
        return { method: "POST", path: `${env}/bundles/publish`, token: BENCH_TOKEN, body };
      },
      latest: get("/v1/bundles/latest", this.runtimeToken),
      "list, newest 25": get(`${env}/bundles?limit=25`),
      "list, 25 from the middle": get(`${env}/bundles?limit=25&before_version=${versions / 2}`),
      "one version": get(`${env}/bundles/${versions / 2}`),
      "deployments, 25 from the middle": get(`${env}/deployments?limit=25&offset=${versions / 2}`),
      "audit, newest 100": get(`${org}/audit?limit=100`),
      "audit, 100 from the middle": get(`${org}/audit?limit=100&before=${auditEvents / 2}`),
      "audit, 100 of one actor": get(`${org}/audit?limit=100&actor=sgn_ci_7`),
      "audit, 100 of bundle.*": get(`${org}/audit?limit=100&action=bundle.*`),
    };
  }

  /** Milliseconds of a call. */
  async measure(name: string): Promise<number> {
    const call = this.calls()[name];
    if (call === undefined) throw new Error(name);
    const from = performance.now();
    for (let done = 0; done < CALLS_OF_A_BLOCK; done += 1) await send(this.agent, this.server.started.url, call());
    return (performance.now() - from) / CALLS_OF_A_BLOCK;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.agent.destroy();
    await this.server[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function startOnce(directory: string) {
  await using server = await SignetProcess.start(directory);
  return server.started;
}

async function runtimeTokenOf(
  url: string,
  { orgId, projectId }: { orgId: string; projectId: string },
): Promise<string> {
  const agent = new Agent();
  const post = async (path: string, body: object) => {
    const call: Call = {
      method: "POST",
      path: `/v1/orgs/${orgId}${path}`,
      token: BENCH_TOKEN,
      body: JSON.stringify(body),
    };
    return JSON.parse(await send(agent, url, call)) as { raw_key: string };
  };
  const environments = JSON.parse(
    await send(agent, url, {
      method: "GET",
      path: `/v1/orgs/${orgId}/projects/${projectId}/environments`,
      token: BENCH_TOKEN,
    }),
  ) as readonly { id: string; name: string }[];
  const dev = environments.find(({ name }) => name === "dev");
  const token = { project_id: projectId, environment_id: dev?.id, name: "bench" };
  return (await post("/tokens/runtime", token)).raw_key;
}

async function send(agent: Agent, url: string, { method, path, token, body = "" }: Call): Promise<string> {
  return await new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(method === "POST" ? { "content-type": "application/json", "content-length": Buffer.byteLength(body) } : {}),
    };
    const sent = request(`${url}${path}`, { method, agent, headers });
    sent.on("error", reject).on("response", (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      answer.on("end", () => {
        if (answer.statusCode !== undefined && answer.statusCode < 300) resolve(text);
        else reject(new Error(`${path} answered ${answer.statusCode}: ${text}`));
      });
    });
    sent.end(body);
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchHistory();
