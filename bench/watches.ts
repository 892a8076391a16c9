/**
 * Measures what people who look cost those who enforce: `node dist/bench/watches.js` after the build. Two servers have the same
 * runtimes, one gRPC stream each; beside them one has the streams of consoles and programs (WatchEnvironments, all topics). Changes are
 * sent to both in turn; compared are CPU and the time until the runtimes have them.
 *
 * CONNECTIONS, STREAMS, ROUNDS, CHANGES (in a round) and DOCUMENT_BYTES in the environment change a run.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { median, now, numberFrom, quantile, rounded } from "./figures.js";
import { Watchers, type Failures } from "./load/watchers.js";
import { cpuMsOf, machineLine, needOpenFiles, rssKibOf } from "./process-use.js";
import { SignetBench } from "./signet-bench.js";

/** With the three of a new server there are 21 environments. */
const NEW_PROJECTS = 6;
const OPENING_AT_ONCE = 50;
/** Topics come up to a fifth of a second after what they tell. */
const SETTLE_MS = 500;

/** A server with its runtimes, and with or without streams beside them. */
class Subject implements AsyncDisposable {
  readonly changeCpuMs: number[] = [];
  readonly publishCpuMs: number[] = [];
  readonly tookMs: number[] = [];
  kibOfStream = NaN;

  private constructor(
    readonly name: string,
    private readonly server: SignetBench,
    private readonly runtimes: Watchers,
    private readonly lookers: Watchers,
    private readonly others: readonly string[],
    private readonly bytes: number,
  ) {}

  static async open(name: string, connections: number, streams: number, bytes: number): Promise<Subject> {
    const server = await SignetBench.open("info");
    await server.publish(bytes);
    const others = await server.newEnvironments(NEW_PROJECTS);
    const subject = new Subject(name, server, await Watchers.start(), await Watchers.start(), others, bytes);
    const { failures } = await subject.runtimes.open(server.watchCall(1), connections, OPENING_AT_ONCE);
    refuseFailures(name, failures);
    await subject.#round(2);
    if (streams > 0) await subject.#look(streams);
    return subject;
  }

  /** So many changes, each to all runtimes, and then one publish in each of the other environments. */
  async round(changes: number): Promise<void> {
    const figures = await this.#round(changes);
    this.changeCpuMs.push(figures.changeCpuMs);
    this.publishCpuMs.push(figures.publishCpuMs);
    this.tookMs.push(...figures.tookMs);
  }

  row() {
    return {
      "CPU a change, ms": rounded(median(this.changeCpuMs)),
      "CPU a publish elsewhere, ms": rounded(median(this.publishCpuMs)),
      "p50, ms": rounded(quantile(this.tookMs, 0.5)),
      "p99, ms": rounded(quantile(this.tookMs, 0.99)),
      "memory a stream, KiB": Number.isNaN(this.kibOfStream) ? "" : rounded(this.kibOfStream),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lookers[Symbol.asyncDispose]();
    await this.runtimes[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }

  async #look(streams: number): Promise<void> {
    const before = rssKibOf(this.server.pid);
    const { failures } = await this.lookers.open(this.server.watchEnvironmentsCall(), streams, OPENING_AT_ONCE);
    refuseFailures(this.name, failures);
    await sleep(SETTLE_MS);
    this.kibOfStream = (rssKibOf(this.server.pid) - before) / streams;
    await this.#round(2);
  }

  async #round(changes: number) {
    const { pid } = this.server;
    const tookMs: number[] = [];
    const before = cpuMsOf(pid);
    for (let change = 0; change < changes; change += 1) {
      const from = now();
      const { at, failures } = await this.runtimes.feed(this.bytes, () => this.server.publish(this.bytes));
      refuseFailures(this.name, failures);
      for (const time of at) tookMs.push(time - from);
      await sleep(SETTLE_MS);
    }
    const between = cpuMsOf(pid);
    for (const environment of this.others) await this.server.publish(this.bytes, environment);
    await sleep(SETTLE_MS);
    return {
      tookMs,
      changeCpuMs: (between - before) / changes,
      publishCpuMs: (cpuMsOf(pid) - between) / this.others.length,
    };
  }
}

/** Runs the whole benchmark and prints its tables. */
export async function benchWatches(): Promise<void> {
  const connections = numberFrom("CONNECTIONS", 1_000);
  const streams = numberFrom("STREAMS", 100);
  const rounds = numberFrom("ROUNDS", 5);
  const changes = numberFrom("CHANGES", 5);
  const bytes = numberFrom("DOCUMENT_BYTES", 10 * 1024);
  needOpenFiles(connections + streams + 200);
  console.log(machineLine());
  await using without = await Subject.open("runtimes alone", connections, 0, bytes);
  await using beside = await Subject.open(`and ${streams} streams`, connections, streams, bytes);
  const subjects = [without, beside] as const;
  for (let round = 0; round < rounds; round += 1) {
    // Another one begins each round.
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) await subject.round(changes);
  }
  const environments = 3 * (NEW_PROJECTS + 1);
  console.log(
    `\n${connections} runtimes, ${environments} environments, ${bytes} bytes: ${rounds} rounds of ${changes} changes\n`,
  );
  console.table(Object.fromEntries(subjects.map((subject) => [subject.name, subject.row()])));
  const ratio = (of: (subject: Subject) => number) => ({ "with / without": rounded(of(beside) / of(without), 2) });
  console.table({
    "CPU a change": ratio(({ changeCpuMs }) => median(changeCpuMs)),
    "CPU a publish elsewhere": ratio(({ publishCpuMs }) => median(publishCpuMs)),
    p50: ratio(({ tookMs }) => quantile(tookMs, 0.5)),
    p99: ratio(({ tookMs }) => quantile(tookMs, 0.99)),
  });
}

function refuseFailures(name: string, failures: Failures): void {
  if (Object.keys(failures).length > 0) throw new Error(`${name}: streams failed: ${JSON.stringify(failures)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchWatches();
