import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSignetClient, type Bundle, type SignetClient, type WebhookDelivery } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { ADMIN_TOKEN } from "../support/server.js";
import { startServerProcess, type ServerProcess } from "./server-process.js";
import type { Arrival } from "./webhook-receiver.js";
import { createRandom, STAGES, type Stage, type Where } from "./work.js";

const EVENTS = 2_000;
const CLIENTS = 4;
const SERVER_KILLS = 10;
const RECEIVER_KILLS = 12;
/** Acknowledged publishes between a receiver's death and the next one's start. */
const RECEIVER_DOWN = 25;

describe("webhooks through kill -9 of both ends", () => {
  let directory = "";
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "signet-webhooks-"));
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it(`${EVENTS} events: each arrives, again only with its id, first tries in order`, async () => {
    const random = createRandom(4711);
    await using receiver = await Receiver.start(directory);
    await using life = await ServerLife.start(directory);
    const where = await findProject((await life.current).client);
    const { id: webhookId } = await (
      await life.current
    ).client.webhooks.createWebhook({ orgId: where.orgId, url: receiver.url, events: ["bundle.*"] });
    const hook = { orgId: where.orgId, webhookId };

    const chaos = new Chaos(random, receiver, life);
    const acknowledged: { readonly stage: Stage; readonly bundle: Bundle }[] = [];
    let asked = 0;
    const work = Array.from({ length: CLIENTS }, async (_, index) => {
      const pick = createRandom(index);
      while (acknowledged.length < EVENTS) {
        const running = await life.current;
        const stage = STAGES[pick(3)] ?? "dev";
        asked += 1;
        try {
          const policies = `{"number":${asked}}`;
          const bundle = await running.client.bundles.publishBundle({ ...where, envName: stage, policies });
          acknowledged.push({ stage, bundle });
          chaos.acknowledged(acknowledged.length);
        } catch (thrown) {
          // What was on its way when the server died.
          if (!running.isKilled) throw thrown;
        }
      }
    });
    await Promise.all(work);
    await chaos.end();
    expect(life.kills).toBe(SERVER_KILLS);
    expect(receiver.kills).toBe(RECEIVER_KILLS);

    // Every change is known by now; those whose answers were lost too.
    const { client } = await life.current;
    const bundles = await allBundles(client, where);
    expect(bundles.size).toBeLessThanOrEqual(acknowledged.length + CLIENTS * SERVER_KILLS);
    for (const { stage, bundle } of acknowledged) expect(bundles.has(key(stage, bundle.version))).toBe(true);
    await receiver.until((arrivals) => new Set(arrivals.map(({ id }) => id)).size >= bundles.size);
    await untilNonePending(client, hook);

    const arrivals = receiver.arrivals();
    const firsts = new Map<string, Arrival>();
    for (const arrival of arrivals) {
      const first = firsts.get(arrival.id);
      // What comes again is the same.
      if (first === undefined) firsts.set(arrival.id, arrival);
      else expect(arrival).toEqual(first);
    }
    const events = [...firsts.values()];
    // No change without its event, no event without its change, and no second id for a change.
    expect(events.map(({ environment, version }) => key(environment, version)).sort()).toEqual([...bundles].sort());
    const deliveries = await allDeliveries(client, hook);
    expect(deliveries.filter(({ state }) => state !== "delivered")).toEqual([]);
    expect(deliveries.map(({ eventId }) => eventId).sort()).toEqual([...firsts.keys()].sort());

    // In order, but for those that failed and came again by themselves.
    const untroubled = new Set(deliveries.filter(({ attempts }) => attempts === 1).map(({ eventId }) => eventId));
    for (const stage of STAGES) {
      const inOrder = events.filter(({ id, environment }) => environment === stage && untroubled.has(id));
      const sequences = inOrder.map(({ sequence }) => sequence ?? 0);
      expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    }
    // It was a test: most came at the first try, some did not, and some came twice.
    const retried = deliveries.length - untroubled.size;
    expect(untroubled.size).toBeGreaterThan(EVENTS / 2);
    expect(retried).toBeGreaterThanOrEqual(1);
    // A kill loses the record of what was on its way: so many come again, and not more.
    const again = arrivals.length - firsts.size;
    expect(again).toBeLessThanOrEqual((SERVER_KILLS + RECEIVER_KILLS) * 16);
    expect(await life.end()).toEqual({ code: 0, signal: null });
  }, 300_000);
});

/** Kills and starts at certain counts of acknowledged publishes, one after the other. */
class Chaos {
  readonly #actions = new Map<number, (() => Promise<void>)[]>();
  #running: Promise<void> = Promise.resolve();

  constructor(random: (below: number) => number, receiver: Receiver, life: ServerLife) {
    spread(SERVER_KILLS, random, (at) => this.#add(at, () => life.restart()));
    spread(RECEIVER_KILLS, random, (at) => {
      this.#add(at, () => receiver.kill());
      this.#add(at + 1 + random(RECEIVER_DOWN), () => receiver.launch());
    });
  }

  acknowledged(count: number): void {
    for (const action of this.#actions.get(count) ?? []) this.#running = this.#running.then(action);
    this.#actions.delete(count);
  }

  async end(): Promise<void> {
    await this.#running;
  }

  #add(at: number, action: () => Promise<void>): void {
    this.#actions.set(at, [...(this.#actions.get(at) ?? []), action]);
  }
}

/** So many places from 1 to EVENTS, one in each part of the way, with room behind each for what belongs to it. */
function spread(count: number, random: (below: number) => number, place: (at: number) => void): void {
  const part = Math.floor(EVENTS / count);
  for (let index = 0; index < count; index += 1) place(index * part + 1 + random(part - RECEIVER_DOWN - 1));
}

interface RunningServer {
  readonly client: SignetClient;
  readonly server: ServerProcess;
  readonly connection: Disposable;
  isKilled: boolean;
}

/** A server that comes back: the same data, the same port. */
class ServerLife implements AsyncDisposable {
  kills = 0;
  current: Promise<RunningServer>;

  private constructor(
    private readonly directory: string,
    private readonly port: number,
  ) {
    this.current = this.#start();
  }

  static async start(directory: string): Promise<ServerLife> {
    const life = new ServerLife(join(directory, "data"), await freePort());
    await life.current;
    return life;
  }

  async restart(): Promise<void> {
    const running = await this.current;
    running.isKilled = true;
    this.kills += 1;
    this.current = (async () => {
      await running.server.end("SIGKILL");
      running.connection[Symbol.dispose]();
      return await this.#start();
    })();
    await this.current;
  }

  async end() {
    const { server } = await this.current;
    return await server.end("SIGTERM");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { server, connection } = await this.current;
    connection[Symbol.dispose]();
    await server.end("SIGKILL");
  }

  async #start(): Promise<RunningServer> {
    const server = await startServerProcess(this.directory, {
      SIGNET_PORT: String(this.port),
      SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8",
      SIGNET_WEBHOOK_RETRY_SECONDS: `0${",1".repeat(19)}`,
    });
    const connection = openNodeTransport({ url: server.url, timeoutMs: 30_000 });
    const client = createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN });
    return { client, server, connection, isKilled: false };
  }
}

/** The receiver's processes, one after the other on one port, and the file that all of them write. */
class Receiver implements AsyncDisposable {
  kills = 0;
  #child: ChildProcess | null = null;
  #arrived: () => void = () => undefined;

  private constructor(
    private readonly program: string,
    private readonly file: string,
    private readonly port: number,
  ) {}

  static async start(directory: string): Promise<Receiver> {
    const program = join(directory, "receiver.mjs");
    const source = await readFile(join(import.meta.dirname, "webhook-receiver.ts"), "utf8");
    const { ESNext } = ts.ModuleKind;
    const options = { module: ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true };
    await writeFile(program, ts.transpileModule(source, { compilerOptions: options }).outputText);
    const receiver = new Receiver(program, join(directory, "arrivals.jsonl"), await freePort());
    await receiver.launch();
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  async launch(): Promise<void> {
    const child = fork(this.program, [String(this.port), this.file], { execArgv: [] });
    this.#child = child;
    const [first] = (await Promise.race([once(child, "message"), once(child, "exit")])) as unknown[];
    if (first !== "listening") throw new Error("the receiver did not start");
    child.on("message", () => this.#arrived());
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.kills += 1;
    this.#child = null;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  arrivals(): Arrival[] {
    if (!existsSync(this.file)) return [];
    const text = readFileSync(this.file, "utf8");
    // A line without its end is being written, or was when the receiver was killed: it was not answered yet.
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    return whole
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Arrival);
  }

  /** Waits for arrivals. The test's own time is the limit. */
  async until(isEnough: (arrivals: readonly Arrival[]) => boolean): Promise<void> {
    for (;;) {
      const next = new Promise<void>((resolve) => (this.#arrived = resolve));
      if (isEnough(this.arrivals())) return;
      await next;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** What arrived last may not be recorded yet, or wait for the try whose answer is not lost. */
async function untilNonePending(client: SignetClient, hook: { orgId: string; webhookId: string }): Promise<void> {
  while ((await client.webhooks.listWebhookDeliveries({ ...hook, state: "pending", limit: 1 })).total > 0) {
    await sleep(50);
  }
}

async function allDeliveries(client: SignetClient, hook: { orgId: string; webhookId: string }) {
  const all: WebhookDelivery[] = [];
  for (;;) {
    const page = await client.webhooks.listWebhookDeliveries({ ...hook, limit: 100, offset: all.length });
    all.push(...page.data);
    if (page.data.length < 100) {
      expect(all).toHaveLength(page.total);
      return all;
    }
  }
}

async function allBundles(client: SignetClient, where: Where): Promise<ReadonlySet<string>> {
  const all = new Set<string>();
  for (const stage of STAGES) {
    for (let beforeVersion: number | undefined; ;) {
      const before = beforeVersion === undefined ? {} : { beforeVersion };
      const { bundles } = await client.bundles.listBundles({ ...where, envName: stage, ...before });
      for (const { version } of bundles) all.add(key(stage, version));
      beforeVersion = bundles.at(-1)?.version;
      if (bundles.length < 1000) break;
    }
  }
  return all;
}

function key(environment: string, version: number): string {
  return `${environment} ${version}`;
}

async function findProject(client: SignetClient): Promise<Where> {
  const { orgId } = await client.tokens.whoAmI({});
  const { projects } = await client.organizations.listProjects({ orgId });
  const [project] = projects;
  if (project === undefined) throw new Error("no project");
  return { orgId, projectId: project.id };
}

/** Below those that the system gives to outgoing connections: nobody takes it while the process is down. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const probe = createServer().listen(port, "127.0.0.1");
    const isFree = await Promise.race([
      once(probe, "listening").then(() => true),
      once(probe, "error").then(() => false),
    ]);
    if (!isFree) continue;
    probe.close();
    await once(probe, "close");
    return port;
  }
}
