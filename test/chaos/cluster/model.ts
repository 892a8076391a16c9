import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { parsePublicKey, type SignetClient } from "../../../src/sdk/index.js";
import { DisposalStack } from "../../../src/server/disposal-stack.js";
import { startCluster, type Cluster } from "../../../tools/postgres/cluster.js";
import { freePort } from "../../../tools/postgres/free-port.js";
import { missingForNetworks, openNetwork, type Network } from "../../support/postgres/network.js";
import { ADMIN_TOKEN } from "../../support/server.js";
import { checkConsistency } from "../consistency.js";
import { findProject } from "../find-project.js";
import { createRandom, STAGES, type Stage, type Where } from "../work.js";
import { CallCounts } from "./calls.js";
import { contradictions, judgeTokens, readHistory, type History } from "./checks.js";
import { doFaults, type FaultTimes } from "./faults.js";
import { openHook, type Hook } from "./hook.js";
import { ModelNode } from "./node.js";
import { Timeline } from "./timeline.js";
import { untilReached, Watcher, type Credential } from "./watcher.js";
import { endTokens, newToken, write, type Change, type Probe, type Workload } from "./workload.js";

/** How one run differs from another. */
export interface ModelOptions extends FaultTimes {
  readonly seed: number;
  /** For how long faults are done. */
  readonly seconds: number;
  readonly nodes: number;
  readonly watchersPerNode: number;
  readonly writers: number;
  /** Between two changes of a writer. */
  readonly writePauseMs: number;
  /** Between two ends of tokens. */
  readonly tokenPauseMs: number;
}

/** What a run found, check by check: empty lists where nothing was wrong. */
export interface ModelReport {
  readonly figures: Readonly<Record<string, number>>;
  readonly violations: Readonly<Record<string, readonly string[]>>;
}

/** From the end of the faults to the moment when all is as it should be. */
const SETTLE_MS = 60_000;
/** A webhook of a killed node waits for the end of its claim, 30 s, and for retries. */
const HOOK_MS = 90_000;
const READY_EVERY_MS = 200;
const REPEATED_CHANGES = 20;

/** Runs a cluster with writers, watchers, ends of tokens and a webhook through faults, and checks what everybody saw. */
export async function runModel(options: ModelOptions): Promise<ModelReport> {
  const directory = await mkdtemp(join(tmpdir(), "signet-model-"));
  await using stack = new DisposalStack();
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const network = missingForNetworks() === null ? stack.use(openNetwork("clients", "database")) : null;
  const listen = network === null ? [] : [network.links.database.host];
  const database = stack.use(await startCluster({ fsync: true, listen }));
  const databaseUrl = await database.createDatabase("signet");
  const nodes = await placeNodes(options.nodes, databaseUrl, directory, network);
  for (const node of nodes) {
    stack.use(node);
    await node.start();
  }
  const hook = stack.use(await openHook());
  return await new Model(options, nodes, database, network, hook).run();
}

async function placeNodes(
  count: number,
  databaseUrl: string,
  directory: string,
  network: Network<"clients" | "database"> | null,
): Promise<readonly ModelNode[]> {
  const nodes: ModelNode[] = [];
  for (let at = 0; at < count; at += 1) {
    const name = `node-${at + 1}`;
    const isRemote = network !== null && at === count - 1;
    const port = await freePort();
    const url = new URL(databaseUrl);
    if (isRemote) url.hostname = network.links.database.host;
    const settings = {
      SIGNET_PORT: String(port),
      SIGNET_DATABASE_URL: url.href,
      SIGNET_KEY_SECRET: "a-secret-of-the-model-that-is-long-enough",
      SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8,198.18.0.0/15",
      SIGNET_WEBHOOK_RETRY_SECONDS: `0${",1".repeat(19)}`,
      ...(isRemote ? { SIGNET_HOST: "0.0.0.0" } : {}),
    };
    const host = isRemote ? network.links.clients.inside : "127.0.0.1";
    const prefix = isRemote ? network.enter : [];
    nodes.push(new ModelNode({ name, directory, settings, url: `http://${host}:${port}`, prefix }));
  }
  return nodes;
}

/** How far it came after the faults. */
interface Settlement {
  /** Nodes that do not say that they serve. */
  readonly unready: readonly string[];
  readonly late: readonly string[];
  /** Webhook events that did not arrive at the first try. */
  readonly retried: ReadonlySet<string>;
  readonly pending: number;
}

class Model {
  readonly #timeline = new Timeline();
  readonly #counts = new CallCounts();
  readonly #tokenCounts = new CallCounts();
  readonly #changes: Change[] = [];
  readonly #probes: Probe[] = [];
  readonly #givenUp = new AbortController();
  readonly #over = new AbortController();
  #watchers: readonly Watcher[] = [];
  readonly #current = new Map<Watcher, Credential>();

  constructor(
    private readonly options: ModelOptions,
    private readonly nodes: readonly ModelNode[],
    private readonly database: Cluster,
    private readonly network: Network<"clients" | "database"> | null,
    private readonly hook: Hook,
  ) {}

  async run(): Promise<ModelReport> {
    const { options, nodes } = this;
    const [first] = nodes;
    if (first === undefined) throw new Error("no nodes");
    const admin = first.client();
    const where = await findProject(admin);
    const host = this.network?.links.clients.host ?? "127.0.0.1";
    const url = `http://${host}:${this.hook.port}/`;
    const { id: webhookId } = await admin.webhooks.createWebhook({ orgId: where.orgId, url, events: ["bundle.*"] });
    await this.#openWatchers(admin, where);

    const begunMs = performance.now();
    const asking = nodes.map((node) => this.#askWhetherReady(node));
    const load: Workload = { where, nodes, counts: this.#counts, givenUp: this.#givenUp.signal };
    const end = new AbortController();
    const writing = Array.from({ length: options.writers }, (_, at) =>
      write(load, options.seed * 100 + at, options.writePauseMs, this.#changes, end.signal),
    );
    const ending = endTokens({ ...load, counts: this.#tokenCounts }, this.#watchers, this.#current, this.#probes, {
      seed: options.seed,
      pauseMs: options.tokenPauseMs,
      end: end.signal,
    });
    const remote = this.network === null ? null : { node: nodes.at(-1) ?? first, link: this.network.links.database };
    const victims = { nodes, database: this.database, remote };
    const random = createRandom(options.seed);
    await doFaults(victims, options, this.#timeline, random, begunMs + options.seconds * 1000);
    const faultsMs = performance.now() - begunMs;

    end.abort();
    const giveUp = setTimeout(() => this.#givenUp.abort(), SETTLE_MS);
    await Promise.all([...writing, ending]);
    clearTimeout(giveUp);
    const settled = await this.#settle(admin, where, webhookId);
    this.#over.abort();
    await Promise.all(asking);
    const { longestMs, violations } = await this.#judge(admin, where, settled);
    return { figures: this.#figures(faultsMs, longestMs), violations };
  }

  async #openWatchers(admin: SignetClient, where: Where): Promise<void> {
    const { nodes, options } = this;
    const { keys } = await admin.bundles.listKeys({});
    const trusted = keys.filter(({ purpose }) => purpose === "bundles").map((key) => parsePublicKey(key.publicKeyPem));
    const load = { where, nodes, counts: this.#tokenCounts, givenUp: this.#givenUp.signal };
    const count = options.nodes * options.watchersPerNode;
    this.#watchers = await Promise.all(
      Array.from({ length: count }, async (_, at) => {
        const stage = STAGES[at % STAGES.length] ?? "dev";
        const trust = { keys: trusted, expect: { ...where, environment: stage } };
        // From one stage to the next the node changes too: each node has watchers of all.
        const watcher = new Watcher(stage, at + Math.floor(at / STAGES.length), nodes, trust);
        const token = await newToken(load, stage, () => nodes[at % nodes.length] as ModelNode);
        if (token === null) throw new Error("no token");
        const credential: Credential = { ...token, endedAtMs: Infinity, endedBy: null };
        this.#current.set(watcher, credential);
        watcher.follow(credential);
        return watcher;
      }),
    );
  }

  async #askWhetherReady(node: ModelNode): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      if (await node.isReady()) this.#timeline.ready(node.name);
      await sleep(READY_EVERY_MS);
    }
  }

  /** Waits for what has to come by itself once no fault is done any more. */
  async #settle(admin: SignetClient, where: Where, webhookId: string): Promise<Settlement> {
    const { orgId } = where;
    const end = performance.now() + SETTLE_MS;
    const notReady = async () =>
      (await Promise.all(this.nodes.map(async (node) => ((await node.isReady()) ? [] : [node.name])))).flat();
    let unready = await notReady();
    for (; unready.length > 0 && performance.now() < end; unready = await notReady()) await sleep(READY_EVERY_MS);
    // Watchers between two tokens.
    while (this.#current.size < this.#watchers.length && performance.now() < end) await sleep(READY_EVERY_MS);
    const sequences = new Map<Stage, number>();
    for (const stage of STAGES) {
      sequences.set(stage, (await admin.organizations.getEnvironment({ ...where, envName: stage })).sequence);
    }
    const late = (await untilReached(this.#watchers, sequences, SETTLE_MS)).map(
      ({ stage, last }) => `a watcher of ${stage} has ${last}, not ${sequences.get(stage)}`,
    );
    await Promise.all(this.#watchers.map((watcher) => watcher.stop()));
    const hookEnd = performance.now() + HOOK_MS;
    const pending = async () =>
      (await admin.webhooks.listWebhookDeliveries({ orgId, webhookId, limit: 100, state: "pending" })).total;
    while ((await pending()) > 0 && performance.now() < hookEnd) await sleep(READY_EVERY_MS);
    const retried = new Set<string>();
    for (let offset = 0, more = true; more; offset += 100) {
      const { data } = await admin.webhooks.listWebhookDeliveries({ orgId, webhookId, limit: 100, offset });
      for (const { eventId, attempts } of data) if (attempts !== 1) retried.add(eventId);
      more = data.length === 100;
    }
    return { unready, late, retried, pending: await pending() };
  }

  async #judge(admin: SignetClient, where: Where, { unready, late, retried, pending }: Settlement) {
    const history = await readHistory(admin, where);
    const tokens = judgeTokens(this.#watchers, this.#probes, this.#timeline, history);
    const problem = (thrown: unknown) => [String(thrown)];
    const consistency = await checkConsistency(admin, where, this.#changes, this.#counts.unsettled).then(
      () => [],
      problem,
    );
    const violations = {
      "nodes that are not ready in the end": unready,
      "watchers that are not where the database is": late,
      "sequences that go back, histories lost, documents refused": this.#watchers.flatMap(({ problems }) => problems),
      "one sequence, two contents": contradictions(this.#watchers, history),
      "streams of ended tokens": tokens.openTooLong,
      "answers to ended tokens": tokens.servedTooLong,
      "new content to ended tokens": tokens.newContent,
      "changes lost, doubled or half done": consistency,
      "keys that answer something else": await this.#repeat(),
      "answers that no caller should see": [...this.#counts.unexpected, ...this.#tokenCounts.unexpected],
      "numbers missing in the audit": history.missingNumbers.map(String),
      "audit that does not verify": await verifyAudit(this.nodes[0]),
      "webhook events": hookProblems(this.hook, history, retried, pending),
    };
    return { longestMs: tokens.longestMs, violations };
  }

  /** Asks again for some of the changes, each by its key at another node. */
  async #repeat(): Promise<string[]> {
    const random = createRandom(this.options.seed);
    const problems: string[] = [];
    for (let count = 0; count < Math.min(REPEATED_CHANGES, this.#changes.length); count += 1) {
      const change = this.#changes[random(this.#changes.length)] as Change;
      const { sequence, deploymentId } = await change.again(this.nodes[random(this.nodes.length)] as ModelNode);
      const { bundle } = change;
      if (sequence !== bundle.sequence || deploymentId !== bundle.deploymentId) {
        problems.push(`${change.kind} in ${change.stage}: ${sequence} instead of ${bundle.sequence}`);
      }
    }
    return problems;
  }

  #figures(faultsMs: number, longestMs: number): Record<string, number> {
    const streams = this.#watchers.flatMap((watcher) => watcher.streams);
    const faults: Record<string, number> = {};
    for (const { kind } of this.#timeline.faults) faults[kind] = (faults[kind] ?? 0) + 1;
    return {
      seconds: Math.round(faultsMs / 1000),
      ...faults,
      "changes acknowledged": this.#counts.acknowledged,
      "changes refused": this.#counts.refused,
      "tries without an answer": this.#counts.unknown,
      "changes never answered": this.#counts.unsettled,
      "tokens revoked or rotated": new Set(streams.map(({ credential }) => credential).filter((it) => it.endedBy)).size,
      "longest stream of an ended token, ms": Math.round(longestMs),
      pushes: streams.reduce((sum, { pushes }) => sum + pushes.length, 0),
      streams: streams.length,
      reconnects: this.#watchers.reduce((sum, { reconnects }) => sum + reconnects, 0),
      "webhook requests": this.hook.arrivals.length,
      "webhook events": new Set(this.hook.arrivals.map(({ id }) => id)).size,
    };
  }
}

/** Every activation once or more, none undelivered, and those at the first try in the order of each environment. */
function hookProblems({ arrivals }: Hook, history: History, retried: ReadonlySet<string>, pending: number): string[] {
  const problems = pending > 0 ? [`${pending} are pending`] : [];
  const firsts = new Map(arrivals.toReversed().map((arrival) => [arrival.id, arrival]));
  const arrived = new Set([...firsts.values()].map(({ environment, sequence }) => `${environment} ${sequence}`));
  for (const [stage, all] of history.activations) {
    for (const { sequence } of all) {
      if (!arrived.has(`${stage} ${sequence}`)) problems.push(`${stage} ${sequence} did not arrive`);
    }
    let last = 0;
    const seen = new Set<string>();
    for (const { id, environment, sequence } of arrivals) {
      if (environment !== stage || seen.has(id) || retried.has(id)) continue;
      seen.add(id);
      if (sequence < last) problems.push(`${stage} ${sequence} came after ${last}`);
      last = sequence;
    }
  }
  return problems;
}

const run = promisify(execFile);

async function verifyAudit(node: ModelNode | undefined): Promise<string[]> {
  const program = join(import.meta.dirname, "../../../dist/src/main.js");
  const env = { PATH: process.env["PATH"], SIGNET_URL: node?.url, SIGNET_TOKEN: ADMIN_TOKEN };
  return await run(process.execPath, [program, "audit", "verify"], { env }).then(
    () => [],
    (thrown: unknown) => [String(thrown)],
  );
}
