/**
 * Measures what attestations cost: `node dist/bench/attestation.js` after the build. Signet with them and Signet without them (proofs are
 * turned off in the process of the benchmark), both in the same run, in turn: the CPU of a stream and change in a fan-out, the CPU of a poll
 * that is answered with 304, and the share of a core that the leases of many watched environments take.
 *
 * STREAMS, CHANGES (in a round), CONNECTIONS (of polls), DURATION_MS (of polls in a round), ROUNDS, DOCUMENT_BYTES, ENVIRONMENTS and
 * LEASE_SECONDS (how long leases are watched) in the environment change a run; CPU_PROF=DIR profiles both servers.
 */
import { connect, type ClientHttp2Session } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { median, numberFrom, rounded } from "./figures.js";
import { Pollers } from "./load/pollers.js";
import { Watchers } from "./load/watchers.js";
import { machineLine, needOpenFiles } from "./process-use.js";
import { SignetBench } from "./signet-bench.js";
import { WITHOUT_PROOFS } from "./without-proofs.js";

/** The most that attestations may cost: of a stream and of a poll without them. */
const MOST_OF_ONE = 1.05;
/** Of a core, for the leases of all environments. */
const MOST_OF_A_CORE = 0.01;

const OPENING_AT_ONCE = 100;
/** What a server still has to do after the last answer. */
const SETTLE_MS = 300;
/** Streams on one connection. */
const STREAMS_OF_A_SESSION = 50;

/** The two that are compared. */
interface Pair<T> {
  readonly attested: T;
  readonly plain: T;
}

type Name = keyof Pair<unknown>;

async function each<T>(make: (name: Name) => Promise<T>): Promise<Pair<T>> {
  return { attested: await make("attested"), plain: await make("plain") };
}

/** Figures of both, and how they compare: the median of what a round with them has of a round without. */
interface Comparison extends Pair<number> {
  readonly ratio: number;
}

/** Both in turn, `rounds` times, after one that does not count; another one begins each round. */
async function inTurn(rounds: number, measure: (name: Name) => Promise<number>): Promise<Comparison> {
  const figures: Pair<number[]> = { attested: [], plain: [] };
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of round % 2 === 0 ? (["attested", "plain"] as const) : (["plain", "attested"] as const)) {
      const figure = await measure(name);
      if (round > 0) figures[name].push(figure);
    }
  }
  // One right after the other: what else the machine does is the same for both.
  const ratios = figures.attested.map((figure, round) => figure / (figures.plain[round] ?? NaN));
  return { attested: median(figures.attested), plain: median(figures.plain), ratio: median(ratios) };
}

function open(name: Name): Promise<SignetBench> {
  return SignetBench.open("info", null, name === "plain" ? { [WITHOUT_PROOFS]: "1" } : {});
}

/** CPU of a stream and change, in microseconds. */
async function fanOut(servers: Pair<SignetBench>, rounds: number, bytes: number): Promise<Comparison> {
  const streams = numberFrom("STREAMS", 2_000);
  const changes = numberFrom("CHANGES", 3);
  needOpenFiles(streams + 200);
  const watchers = await each(() => Watchers.start());
  await using _attested = watchers.attested;
  await using _plain = watchers.plain;
  await each((name) => watchers[name].open(servers[name].watchCall(1), streams, OPENING_AT_ONCE));
  return await inTurn(rounds, async (name) => {
    await sleep(SETTLE_MS);
    await servers[name].usage();
    for (let change = 0; change < changes; change += 1)
      await watchers[name].feed(bytes, () => servers[name].publish(bytes));
    await sleep(SETTLE_MS);
    return ((await servers[name].usage()).cpuMs * 1000) / (changes * streams);
  });
}

/** CPU of a poll that is answered with 304, in microseconds. */
async function polls(servers: Pair<SignetBench>, rounds: number): Promise<Comparison> {
  const connections = numberFrom("CONNECTIONS", 32);
  const durationMs = numberFrom("DURATION_MS", 1_500);
  await using pollers = await Pollers.start();
  const requests = await each(async (name) => {
    const { url, port, runtimeToken } = servers[name];
    const authorization = `Bearer ${runtimeToken}`;
    const answer = await fetch(`${url}/v1/bundles/latest`, { headers: { authorization } });
    await answer.arrayBuffer();
    if (answer.headers.has("signet-lease") !== (name === "attested")) throw new Error(`${name}: not what is compared`);
    const lines = ["GET /v1/bundles/latest HTTP/1.1", `Host: 127.0.0.1:${port}`, `Authorization: ${authorization}`];
    return `${[...lines, `If-None-Match: ${answer.headers.get("etag")}`].join("\r\n")}\r\n\r\n`;
  });
  return await inTurn(rounds, async (name) => {
    const { port } = servers[name];
    await servers[name].usage();
    const asked = { port, request: requests[name], connections, durationMs, status: 304 as const };
    const { answers } = await pollers.run(asked);
    return ((await servers[name].usage()).cpuMs * 1000) / answers;
  });
}

/** The shares of a core while many environments are watched, a stream each, and nothing changes. */
async function leases(servers: Pair<SignetBench>): Promise<Pair<number>> {
  const environments = numberFrom("ENVIRONMENTS", 1_000);
  const seconds = numberFrom("LEASE_SECONDS", 120);
  const sessions = await each(async (name) => {
    const tokens = await servers[name].newRuntimes(environments, 1_000);
    return await watchAll(servers[name].url, tokens);
  });
  await sleep(10 * SETTLE_MS);
  await each((name) => servers[name].usage());
  await sleep(seconds * 1000);
  const shares = await each(async (name) => (await servers[name].usage()).cpuMs / (seconds * 1000));
  for (const session of [...sessions.attested, ...sessions.plain]) session.destroy();
  return shares;
}

/** A watch for each token, all of which have had their first message. */
async function watchAll(url: string, tokens: readonly string[]): Promise<readonly ClientHttp2Session[]> {
  const sessions: ClientHttp2Session[] = [];
  for (let at = 0; at < tokens.length; at += STREAMS_OF_A_SESSION) {
    const session = connect(url);
    sessions.push(session);
    await Promise.all(
      tokens.slice(at, at + STREAMS_OF_A_SESSION).map(
        (token) =>
          new Promise<void>((resolve, reject) => {
            const stream = session.request({ ":path": "/v1/bundles/watch", "x-api-key": token });
            stream.once("data", () => resolve()).once("error", reject);
            stream.resume();
          }),
      ),
    );
  }
  return sessions;
}

/** Runs the whole benchmark and prints its table. */
export async function benchAttestation(): Promise<void> {
  const rounds = numberFrom("ROUNDS", 15);
  const bytes = numberFrom("DOCUMENT_BYTES", 10 * 1024);
  console.log(machineLine());
  const servers = await each(open);
  await using _attested = servers.attested;
  await using _plain = servers.plain;
  await each((name) => servers[name].publish(bytes));
  const rows: Record<string, object> = {};
  const tell = (what: string, row: object) => {
    rows[what] = row;
    console.log(what, row);
  };
  const compare = (what: string, { attested, plain, ratio }: Comparison) => {
    const is = { with: rounded(attested, 2), without: rounded(plain, 2), measured: rounded(ratio, 3) };
    tell(what, { ...is, "at most": MOST_OF_ONE, met: ratio <= MOST_OF_ONE });
  };
  compare("CPU of a stream and change, µs", await fanOut(servers, rounds, bytes));
  compare("CPU of a 304 poll, µs", await polls(servers, rounds));
  const { attested, plain } = await leases(servers);
  tell("leases of all environments, of a core", {
    ...{ with: rounded(attested, 4), without: rounded(plain, 4), measured: rounded(attested - plain, 4) },
    ...{ "at most": MOST_OF_A_CORE, met: attested - plain <= MOST_OF_A_CORE },
  });
  console.table(rows);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchAttestation();
