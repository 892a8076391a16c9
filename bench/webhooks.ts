/**
 * Measures webhooks: `npm run bench`. Servers and receivers are processes of their own, all on 127.0.0.1. Says what it measured and
 * judges nothing.
 *
 * WARM_UP, EVENTS, PUBLISHES, OTHERS and SETTLE_SECONDS in the environment make a run smaller.
 */
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { BenchServer } from "./webhooks/bench-server.js";
import { Helper, now } from "./webhooks/processes.js";

const WARM_UP = numberFrom("WARM_UP", 500);
const EVENTS = numberFrom("EVENTS", 5_000);
const PUBLISHES = numberFrom("PUBLISHES", 200);
/** With the one that is measured, as many webhooks as an organization may have. */
const OTHERS = numberFrom("OTHERS", 999);
/** How long dead endpoints are given to be known as such: the silent ones need five tries of 15 s, in three lanes, and some more. */
const SETTLE_SECONDS = numberFrom("SETTLE_SECONDS", 120);
const IDLE_SECONDS = numberFrom("IDLE_SECONDS", 10);
const CLIENTS = 4;

/** Deliveries a second to one local receiver: while four clients publish, and when the same events are replayed at once. */
async function measureThroughput(): Promise<void> {
  using receiver = await Helper.start("receiver");
  using server = await BenchServer.start();
  const webhookId = await server.hook(`${receiver.ready.url}/hook`);
  const warm = receiver.count(WARM_UP);
  await server.publishMany(WARM_UP, CLIENTS);
  await warm;
  await server.untilNonePending(webhookId);

  const since = new Date();
  const whilePublishing = receiver.count(EVENTS);
  const publishedFrom = now();
  await server.publishMany(EVENTS, CLIENTS);
  const publishedUntil = now();
  const first = await whilePublishing;
  await server.untilNonePending(webhookId);

  const again = receiver.count(EVENTS, true);
  const replayedFrom = now();
  const { orgId } = server;
  await server.client.webhooks.replayWebhookEvents({ orgId, webhookId, since: timestampFromDate(since) });
  const second = await again;

  console.log(
    `\nDeliveries to one local receiver, ${EVENTS} events of three environments, after ${WARM_UP} to warm up\n`,
  );
  const perSecond = (from: number, until: number) => Math.round((EVENTS * 1000) / (until - from));
  console.table({
    [`published by ${CLIENTS} clients`]: { "per second": perSecond(publishedFrom, publishedUntil) },
    "delivered meanwhile": { "per second": perSecond(publishedFrom, first.arrivedAt), requests: first.all },
    "replayed at once": { "per second": perSecond(replayedFrom, second.arrivedAt), requests: second.all },
  });
}

/** A server with a healthy receiver, and how long a publish to it takes to arrive there. */
class Subject implements Disposable {
  private constructor(
    readonly server: BenchServer,
    private readonly receiver: Helper,
  ) {}

  static async start(): Promise<Subject> {
    const receiver = await Helper.start("receiver");
    const server = await BenchServer.start();
    await server.hook(`${receiver.ready.url}/hook`);
    return new Subject(server, receiver);
  }

  /** Milliseconds from the call of a publish to its arrival. */
  async latencyMs(): Promise<number> {
    const arrival = this.receiver.count(1);
    const from = now();
    await this.server.publish();
    return (await arrival).arrivedAt - from;
  }

  [Symbol.dispose](): void {
    this.server[Symbol.dispose]();
    this.receiver[Symbol.dispose]();
  }
}

/** One publish here, one there, and so on: what else the machine does meets both alike. */
async function measureInTurns(name: string, alone: Subject, beside: Subject): Promise<object> {
  const measured: { alone: number[]; beside: number[] } = { alone: [], beside: [] };
  for (let index = 0; index < PUBLISHES; index += 1) {
    measured.alone.push(await alone.latencyMs());
    measured.beside.push(await beside.latencyMs());
  }
  const at = (part: number) => [quantile(measured.alone, part), quantile(measured.beside, part)] as const;
  const [medianAlone, medianBeside] = at(0.5);
  const [p99Alone, p99Beside] = at(0.99);
  return {
    "": name,
    "median alone": millis(medianAlone),
    beside: millis(medianBeside),
    ratio: millis(medianBeside / medianAlone, 2),
    "p99 alone": millis(p99Alone),
    "p99 beside": millis(p99Beside),
    "p99 ratio": millis(p99Beside / p99Alone, 2),
  };
}

async function measureOthers(): Promise<void> {
  using silent = await Helper.start("silent");
  const closed = await closedUrl();
  const rows: object[] = [];
  {
    using alone = await Subject.start();
    using beside = await Subject.start();
    await warmUp(alone, beside);
    rows.push(await measureInTurns("nothing (control)", alone, beside));

    const dead = (index: number) => `${index % 2 === 0 ? silent.ready.url : closed}/${index}`;
    await beside.server.hooks(Array.from({ length: OTHERS }, (_, index) => dead(index)));
    rows.push(await measureInTurns(`${OTHERS} dead, not yet known as such`, alone, beside));
    await sleep(SETTLE_SECONDS * 1000);
    rows.push(await measureInTurns(`${OTHERS} dead`, alone, beside));
    await printIdleUse(alone, beside);
  }
  {
    using others = await Helper.start("receiver");
    using alone = await Subject.start();
    using beside = await Subject.start();
    await beside.server.hooks(Array.from({ length: OTHERS }, (_, index) => `${others.ready.url}/${index}`));
    await warmUp(alone, beside);
    rows.push(await measureInTurns(`${OTHERS} healthy`, alone, beside));
  }
  console.log(
    "\nFrom the call of a publish to its arrival at a healthy receiver, ms: alone, and beside other webhooks of the same\n" +
      `organization and events (the dead: half accept and say nothing, half refuse). ${PUBLISHES} publishes to each of two servers,\n` +
      "in turns, each after the arrival of the one before\n",
  );
  console.table(rows);
}

/** What it costs that they are there, when nobody publishes. */
async function printIdleUse(alone: Subject, beside: Subject): Promise<void> {
  const use = () => Promise.all([alone.server.use(), beside.server.use()]);
  const [aloneBefore, besideBefore] = await use();
  await sleep(IDLE_SECONDS * 1000);
  const [aloneAfter, besideAfter] = await use();
  const share = (before: number, after: number) => `${millis((after - before) / IDLE_SECONDS / 10)} %`;
  console.log(`\nA server to which nobody publishes, for ${IDLE_SECONDS} s\n`);
  console.table({
    alone: { "of one core": share(aloneBefore.cpuMs, aloneAfter.cpuMs), "RSS MiB": Math.round(aloneAfter.rssMiB) },
    [`beside ${OTHERS} dead`]: {
      "of one core": share(besideBefore.cpuMs, besideAfter.cpuMs),
      "RSS MiB": Math.round(besideAfter.rssMiB),
    },
  });
}

async function warmUp(...subjects: readonly Subject[]): Promise<void> {
  for (let index = 0; index < 30; index += 1) {
    for (const subject of subjects) await subject.latencyMs();
  }
}

async function closedUrl(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `http://127.0.0.1:${port}`;
}

function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(at * sorted.length) - 1)] ?? NaN;
}

function millis(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}

function numberFrom(name: string, fallback: number): number {
  return Number(process.env[name] ?? fallback);
}

/** All of it, printed. */
export async function benchWebhooks(): Promise<void> {
  console.log(`Node ${process.version}, ${availableParallelism()} cores, ${new Date().toISOString()}`);
  if (EVENTS > 0) await measureThroughput();
  await measureOthers();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await benchWebhooks();
