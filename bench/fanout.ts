/**
 * Measures watch fan-out: `node dist/bench/fanout.js` after the build. First many connections with one gRPC stream each are opened, several
 * times; then one change at a time is sent to all of them. Compared are Signet, a bare node:http2 server that writes one shared frame, and
 * etcd's watch where it is installed; each in a process of its own, with its clients in another. Rounds in turn, medians.
 *
 * CONNECTIONS, ROUNDS (of changes, and of connecting), CHANGES (in a round) and DOCUMENT_BYTES in the environment change a run;
 * CPU_PROF=DIR profiles Signet.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { BarePush } from "./bare-push.js";
import { EtcdProcess } from "./etcd-process.js";
import { median, now, numberFrom, quantile, rounded } from "./figures.js";
import { Watchers, type Failures, type WatchCall } from "./load/watchers.js";
import { cpuMsOf, machineLine, needOpenFiles, rssKibOf } from "./process-use.js";
import { SignetBench } from "./signet-bench.js";

/** Streams that wait for their first message at once, while all are opened. */
const OPENING_AT_ONCE = 100;
const WARM_UP_STREAMS = 100;
const WARM_UP_CHANGES = 5;
/** What a runtime of the server still has to do after the last stream has its message, and a garbage collector likes to do then. */
const SETTLE_MS = 300;

interface Server {
  readonly pid: number;
  publish(bytes: number): Promise<void>;
}

interface Figures {
  readonly connectMs: number[];
  readonly connectCpuMicros: number[];
  readonly cpuMicros: number[];
  readonly clientShare: number[];
  readonly p50: number[];
  readonly p99: number[];
  readonly last: number[];
}

/** A server with its streams, and what was measured of it. */
class Subject implements AsyncDisposable {
  readonly figures: Figures = {
    ...{ connectMs: [], connectCpuMicros: [] },
    ...{ cpuMicros: [], clientShare: [], p50: [], p99: [], last: [] },
  };
  kibOfStream = NaN;
  #watchers: Watchers | null = null;

  constructor(
    readonly name: string,
    private readonly server: Server,
    private readonly call: WatchCall,
    private readonly connections: number,
    private readonly bytes: number,
  ) {}

  /** What a server needs for its first streams it needs once. */
  async warmUp(): Promise<void> {
    await using watchers = await Watchers.start();
    await watchers.open(this.call, WARM_UP_STREAMS, OPENING_AT_ONCE);
    const change = () => this.server.publish(this.bytes);
    for (let count = 0; count < WARM_UP_CHANGES; count += 1) await watchers.feed(this.bytes, change);
    await watchers.close();
    await sleep(SETTLE_MS);
  }

  /** Opens all connections, in place of those of the round before. What they cost in memory is measured when they come first. */
  async connect(): Promise<void> {
    await this.#watchers?.close();
    this.#watchers ??= await Watchers.start();
    await sleep(SETTLE_MS);
    const [rssBefore, cpuBefore, from] = [rssKibOf(this.server.pid), cpuMsOf(this.server.pid), now()];
    const { at, failures } = await this.#watchers.open(this.call, this.connections, OPENING_AT_ONCE);
    refuseFailures(this.name, failures);
    this.figures.connectMs.push(Math.max(...at) - from);
    await sleep(SETTLE_MS);
    this.figures.connectCpuMicros.push(((cpuMsOf(this.server.pid) - cpuBefore) * 1000) / this.connections);
    if (Number.isNaN(this.kibOfStream)) this.kibOfStream = (rssKibOf(this.server.pid) - rssBefore) / this.connections;
  }

  async round(changes: number, isCounted: boolean): Promise<void> {
    const watchers = this.#watchers;
    if (watchers === null) throw new Error(`${this.name} has no connections`);
    const cpuBefore = cpuMsOf(this.server.pid);
    let clientMs = 0;
    let tookMs = 0;
    for (let change = 0; change < changes; change += 1) {
      const clientBefore = watchers.cpuMs;
      const from = now();
      const { at, failures } = await watchers.feed(this.bytes, () => this.server.publish(this.bytes));
      refuseFailures(this.name, failures);
      const took = at.map((time) => time - from);
      tookMs += Math.max(...took);
      clientMs += watchers.cpuMs - clientBefore;
      if (!isCounted) continue;
      this.figures.p50.push(quantile(took, 0.5));
      this.figures.p99.push(quantile(took, 0.99));
      this.figures.last.push(Math.max(...took));
    }
    await sleep(SETTLE_MS);
    if (!isCounted) return;
    this.figures.cpuMicros.push(((cpuMsOf(this.server.pid) - cpuBefore) * 1000) / (changes * this.connections));
    this.figures.clientShare.push(clientMs / tookMs);
  }

  row() {
    const { connectMs, connectCpuMicros, cpuMicros, clientShare, p50, p99, last } = this.figures;
    return {
      "connect all, ms": rounded(median(connectMs), 0),
      "CPU a connection, µs": rounded(median(connectCpuMicros), 0),
      "CPU a stream and change, µs": rounded(median(cpuMicros)),
      "memory a stream, KiB": rounded(this.kibOfStream),
      "p50, ms": rounded(median(p50)),
      "p99, ms": rounded(median(p99)),
      "last, ms": rounded(median(last)),
      "client's share of a core": rounded(median(clientShare), 2),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watchers?.[Symbol.asyncDispose]();
  }
}

/** Runs the whole benchmark and prints its tables. */
export async function benchFanout(): Promise<void> {
  const connections = numberFrom("CONNECTIONS", 3_000);
  const rounds = numberFrom("ROUNDS", 5);
  const changes = numberFrom("CHANGES", 5);
  const bytes = numberFrom("DOCUMENT_BYTES", 10 * 1024);
  needOpenFiles(connections + 200);
  console.log(machineLine());
  await using signet = await SignetBench.open("info");
  await signet.publish(bytes);
  await using bare = await BarePush.start();
  await using etcd = await EtcdProcess.start();
  const servers: readonly (readonly [string, Server, WatchCall])[] = [
    ["Signet", signet, signet.watchCall(1)],
    ["bare node:http2", bare, bare.watchCall()],
    ...(etcd === null ? [] : [["etcd watch", etcd, etcd.watchCall()] as const]),
  ];
  const subjects = servers.map(([name, server, call]) => new Subject(name, server, call, connections, bytes));
  try {
    await measure(subjects, rounds, changes);
  } finally {
    for (const subject of subjects) await subject[Symbol.asyncDispose]();
  }
  console.log(
    `\n${connections} connections with a gRPC stream each, ${bytes} bytes, one change at a time: ${rounds} rounds of ${changes}\n`,
  );
  console.table(Object.fromEntries(subjects.map((subject) => [subject.name, subject.row()])));
  judge(subjects);
}

async function measure(subjects: readonly Subject[], rounds: number, changes: number): Promise<void> {
  for (const subject of subjects) await subject.warmUp();
  for (const subject of inTurn(subjects, rounds)) await subject.connect();
  for (const subject of subjects) await subject.round(changes, false);
  for (const subject of inTurn(subjects, rounds)) await subject.round(changes, true);
}

/** Each subject once in a round; another one begins each round. */
function* inTurn(subjects: readonly Subject[], rounds: number): Iterable<Subject> {
  for (let round = 0; round < rounds; round += 1) {
    yield* subjects.slice(round % subjects.length);
    yield* subjects.slice(0, round % subjects.length);
  }
}

function judge([signet, bare, etcd]: readonly Subject[]): void {
  if (signet === undefined || bare === undefined) return;
  const goals: Record<string, object> = {};
  const goal = (name: string, value: number, atMost: number) => {
    goals[name] = { measured: rounded(value, 2), "at most": atMost, met: value <= atMost };
  };
  const cpu = ({ figures }: Subject) => median(figures.cpuMicros);
  goal("CPU, of bare node:http2", cpu(signet) / cpu(bare), 1.3);
  goal("memory a stream, KiB", signet.kibOfStream, 35);
  if (etcd !== undefined) {
    const ofEtcd = (of: (figures: Figures) => readonly number[]) =>
      median(of(signet.figures)) / median(of(etcd.figures));
    goal("CPU, of etcd", cpu(signet) / cpu(etcd), 0.6);
    goal("memory, of etcd", signet.kibOfStream / etcd.kibOfStream, 0.3);
    goal(
      "p99, of etcd",
      ofEtcd(({ p99 }) => p99),
      0.8,
    );
    goal(
      "time to connect, of etcd",
      ofEtcd(({ connectMs }) => connectMs),
      1.2,
    );
  }
  console.table(goals);
}

function refuseFailures(name: string, failures: Failures): void {
  if (Object.keys(failures).length > 0) throw new Error(`${name}: streams failed: ${JSON.stringify(failures)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchFanout();
