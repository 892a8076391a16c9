/**
 * Measures polls: `node dist/bench/poll.js` after the build. GET /v1/bundles/latest with the newest ETag (304) and without (200), over
 * keep-alive connections: Signet with its log at info (as shipped), off, and at debug; a bare node:http server that sends the same
 * headers; and nginx with the document as a file, where it is there. Servers on core 0, load on core 1. Rounds in turn, medians.
 *
 * CONNECTIONS, ROUNDS, DURATION_MS (of each in a round) and DOCUMENT_BYTES in the environment change a run; CPU_PROF=DIR profiles Signet.
 */
import { fileURLToPath } from "node:url";
import { BareHttp, type BareAnswer } from "./bare-http.js";
import { median, numberFrom, rounded } from "./figures.js";
import { Pollers } from "./load/pollers.js";
import { NginxProcess } from "./nginx-process.js";
import { cpuMsOf, machineLine, pin } from "./process-use.js";
import { SignetBench } from "./signet-bench.js";

const PATH = "/v1/bundles/latest";
const STATUSES = [304, 200] as const;
/** Headers that node:http writes itself. */
const OF_THE_CONNECTION = ["date", "connection", "keep-alive"];

interface Server {
  readonly pid: number;
  readonly port: number;
}

interface Figures {
  readonly perSecond: number[];
  readonly cpuMicros: number[];
  readonly loadShare: number[];
}

class Subject {
  readonly figures = new Map<number, Figures>(
    STATUSES.map((status) => [status, { perSecond: [], cpuMicros: [], loadShare: [] }]),
  );

  constructor(
    readonly name: string,
    readonly server: Server,
    private readonly token: string | null,
    private readonly etag: string,
  ) {}

  async measure(pollers: Pollers, status: 304 | 200, connections: number, durationMs: number): Promise<void> {
    const { pid, port } = this.server;
    const lines = [`GET ${PATH} HTTP/1.1`, `Host: 127.0.0.1:${port}`];
    // Everybody is sent it, as every request of a fleet has it.
    lines.push(`Authorization: Bearer ${this.token ?? "x".repeat(48)}`);
    if (status === 304) lines.push(`If-None-Match: ${this.etag}`);
    const request = `${lines.join("\r\n")}\r\n\r\n`;
    const cpuBefore = cpuMsOf(pid);
    const { answers, tookMs, busyShare } = await pollers.run({ port, request, connections, durationMs, status });
    const figures = this.figures.get(status);
    figures?.perSecond.push((answers * 1000) / tookMs);
    figures?.cpuMicros.push(((cpuMsOf(pid) - cpuBefore) * 1000) / answers);
    figures?.loadShare.push(busyShare);
  }

  perSecond(status: 304 | 200): number {
    return median(this.figures.get(status)?.perSecond ?? []);
  }

  cpuMicros(status: 304 | 200): number {
    return median(this.figures.get(status)?.cpuMicros ?? []);
  }

  forget(): void {
    for (const lists of this.figures.values()) for (const list of Object.values(lists) as number[][]) list.length = 0;
  }
}

/** Runs the whole benchmark and prints its tables. */
export async function benchPoll(): Promise<void> {
  const connections = numberFrom("CONNECTIONS", 32);
  const rounds = numberFrom("ROUNDS", 5);
  const durationMs = numberFrom("DURATION_MS", 1_500);
  const bytes = numberFrom("DOCUMENT_BYTES", 10 * 1024);
  console.log(machineLine());
  await using shipped = await openPublished("info", bytes);
  await using silent = await openPublished("silent", bytes);
  await using debug = await openPublished("debug", bytes);
  const answer = await answerOf(shipped);
  await using bare = await BareHttp.start(answer);
  await using nginx = await NginxProcess.start(PATH, answer.body);
  await using pollers = await Pollers.start();
  const subjects = [new Subject("bare node:http, same headers", bare, null, answer.etag)];
  for (const [name, server] of Object.entries({
    "Signet, log at info (as shipped)": shipped,
    "Signet, log off": silent,
    "Signet, log at debug": debug,
  })) {
    subjects.push(new Subject(name, server, server.runtimeToken, (await answerOf(server)).etag));
  }
  if (nginx !== null) subjects.push(new Subject("nginx, a file", nginx, null, await etagOf(nginx)));
  const arePinned = subjects.map(({ server }) => pin(server.pid, 0)).every(Boolean) && pin(pollers.pid, 1);
  if (!arePinned) console.log("there is no taskset, or one core only: nothing is pinned");
  for (let round = 0; round <= rounds; round += 1) {
    for (const status of STATUSES) {
      // Who begins changes.
      for (const index of subjects.keys()) {
        await subjects[(index + round) % subjects.length]?.measure(pollers, status, connections, durationMs);
      }
    }
    // The first round warms up.
    if (round === 0) for (const subject of subjects) subject.forget();
  }
  for (const status of STATUSES) printStatus(status, subjects, answer.body.length);
  console.log(`${connections} connections, ${rounds} rounds of ${durationMs} ms`);
}

function printStatus(status: 304 | 200, subjects: readonly Subject[], bytes: number): void {
  const base = { perSecond: subjects[0]?.perSecond(status) ?? NaN, cpuMicros: subjects[0]?.cpuMicros(status) ?? NaN };
  const row = (subject: Subject) => {
    return {
      "a second": Math.round(subject.perSecond(status)),
      "of bare node:http": rounded(subject.perSecond(status) / base.perSecond, 2),
      "server CPU, µs": rounded(subject.cpuMicros(status)),
      // On a machine that does other things too, the better measure.
      "by CPU": rounded(base.cpuMicros / subject.cpuMicros(status), 2),
      "load busy": rounded(median(subject.figures.get(status)?.loadShare ?? []), 2),
    };
  };
  console.log(`\n${status}${status === 304 ? "; the goal is 0.9 of bare node:http" : `, ${bytes} bytes`}\n`);
  console.table(Object.fromEntries(subjects.map((subject) => [subject.name, row(subject)])));
}

async function openPublished(logLevel: "info" | "silent" | "debug", bytes: number): Promise<SignetBench> {
  const signet = await SignetBench.open(logLevel);
  await signet.publish(bytes);
  return signet;
}

/** What Signet says, for the bare server to say. Its request id stays the same there, which is less work. */
async function answerOf({ url, runtimeToken }: SignetBench): Promise<BareAnswer> {
  const authorization = `Bearer ${runtimeToken}`;
  // The second one has the token and the bundle in memory.
  await (await fetch(`${url}${PATH}`, { headers: { authorization } })).arrayBuffer();
  const full = await fetch(`${url}${PATH}`, { headers: { authorization } });
  const etag = full.headers.get("etag") ?? "";
  const none = await fetch(`${url}${PATH}`, { headers: { authorization, "if-none-match": etag } });
  if (full.status !== 200 || none.status !== 304) throw new Error(`answered ${full.status} and ${none.status}`);
  const own = ([name]: [string, string]) => !OF_THE_CONNECTION.includes(name);
  const ofBody = [...full.headers].filter(([name]) => !none.headers.has(name)).filter(own);
  return { etag, headers: [...none.headers].filter(own).flat(), bodyHeaders: ofBody.flat(), body: await full.text() };
}

async function etagOf({ port }: Server): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${PATH}`);
  await response.arrayBuffer();
  return response.headers.get("etag") ?? "";
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchPoll();
