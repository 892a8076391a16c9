/**
 * Swaps the certificate under open watches: `node dist/bench/tls-reload.js` after the build. A thousand gRPC streams, each on a TLS
 * connection of its own; the pair is replaced and found, then replaced and told by SIGHUP, then an expired and a mismatched one are
 * tried. After each, all streams must get the next bundle. Throws when one is lost; says what it measured.
 *
 * STREAMS in the environment changes a run.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { createSignetClient, type SignetClient } from "../src/sdk/index.js";
import { openNodeTransport } from "../src/sdk/node-transport.js";
import { Signet } from "../test/cli/spawned.js";
import { selfSigned, type SelfSigned } from "../test/outbound/self-signed.js";
import { now, numberFrom, rounded } from "./figures.js";
import { GrpcStream, opening } from "./load/grpc-stream.js";
import { machineLine, needOpenFiles } from "./process-use.js";
import { grpcHeaders } from "./signet-bench.js";
import { BENCH_TOKEN } from "./signet-process.js";

const MAIN = fileURLToPath(new URL("../src/main.js", import.meta.url));
const EXPIRED = ["200101000000Z", "200102000000Z"] as const;
/** Between two looks at what a new connection is shown. */
const LOOK_MS = 5;

type ServedBy = "the new pair" | "the pair before";

interface Swap {
  readonly swap: string;
  /** What the server's log said of it. */
  readonly logged: string;
  readonly "new connections": ServedBy;
  /** From the rename of the files, or the signal, until a new connection was shown the new pair; null when none should be. */
  readonly "shown after, ms": number | null;
  readonly "streams fed": number;
  readonly "all fed after, ms": number;
}

/** Runs the whole benchmark and prints its table. */
export async function benchTlsReload(): Promise<void> {
  const count = numberFrom("STREAMS", 1_000);
  needOpenFiles(count + 500);
  console.log(machineLine());
  const directory = await mkdtemp(join(tmpdir(), "signet-bench-"));
  try {
    const first = selfSigned("127.0.0.1");
    await install(directory, first);
    await using server = await SecureSignet.start(directory, first);
    using streams = new Streams(server, first.cert);
    await streams.open(count);
    const rows = await swapAll(directory, server, streams, first);
    console.log(`\nThe certificate under ${count} streams\n`);
    console.table(rows);
    console.log(`streams that ended: ${streams.ended.length}`);
    if (streams.ended.length > 0) throw new Error(`streams were lost: ${streams.ended[0]}`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function swapAll(directory: string, server: SecureSignet, streams: Streams, first: SelfSigned): Promise<Swap[]> {
  const found = selfSigned("127.0.0.1");
  const told = selfSigned("127.0.0.1");
  const steps = [
    { swap: "a new pair, found", pair: found, hangup: false, served: found },
    { swap: "a new pair, SIGHUP", pair: told, hangup: true, served: told },
    { swap: "an expired pair", pair: selfSigned("127.0.0.1", EXPIRED), hangup: true, served: told },
    { swap: "a mismatched pair", pair: { cert: told.cert, key: first.key }, hangup: true, served: told },
  ];
  const rows: Swap[] = [];
  for (const { swap, pair, hangup, served } of steps) {
    const isNew = served === pair;
    const logged = server.nextLog(isNew ? /replaced/ : /refused/);
    const from = now();
    await install(directory, pair);
    if (hangup) server.hangUp();
    const line = await logged;
    while (isNew && (await shown(server.port)) !== bodyOf(served.cert)) await sleep(LOOK_MS);
    const shownAfter = isNew ? rounded(now() - from) : null;
    if ((await shown(server.port)) !== bodyOf(served.cert)) throw new Error(`${swap}: a wrong certificate is shown`);
    const fed = await streams.feed();
    rows.push({
      swap,
      logged: line.replaceAll(directory, "…"),
      "new connections": isNew ? "the new pair" : "the pair before",
      "shown after, ms": shownAfter,
      "streams fed": fed.count,
      "all fed after, ms": rounded(fed.ms),
    });
  }
  return rows;
}

/** As tools for certificates do it: at once, one file after the other. */
async function install(directory: string, { cert, key }: SelfSigned): Promise<void> {
  for (const [name, text] of [
    ["tls.key", key],
    ["tls.crt", cert],
  ] as const) {
    await writeFile(join(directory, `${name}.new`), text);
    await rename(join(directory, `${name}.new`), join(directory, name));
  }
}

function bodyOf(pem: string): string {
  return pem.replace(/-----[^-]+-----|\n/g, "");
}

/** The certificate that a new connection is shown, in base64. */
async function shown(port: number): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  return await new Promise((resolve, reject) => {
    socket.once("error", reject).once("secureConnect", () => {
      resolve(socket.getPeerX509Certificate()?.raw.toString("base64") ?? "");
      socket.destroy();
    });
  });
}

/** `signet serve` with TLS, in a process of its own, with a project to publish to. */
class SecureSignet implements AsyncDisposable {
  #published = 0;

  private constructor(
    private readonly child: Signet,
    private readonly client: SignetClient,
    private readonly connection: Disposable,
    readonly port: number,
    private readonly place: { readonly orgId: string; readonly projectId: string },
    readonly runtimeToken: string,
  ) {}

  static async start(directory: string, { cert }: SelfSigned): Promise<SecureSignet> {
    const env = {
      SIGNET_PORT: "0",
      SIGNET_DATA: join(directory, "data"),
      // A heartbeat would count as a message.
      SIGNET_HEARTBEAT_MS: "300000",
      SIGNET_ADMIN_TOKEN: BENCH_TOKEN,
      SIGNET_TLS_CERT: join(directory, "tls.crt"),
      SIGNET_TLS_KEY: join(directory, "tls.key"),
    };
    const child = Signet.adopt(spawn(process.execPath, [MAIN, "serve"], { env }));
    const url = (await child.line(/listening/)).replace("signet listening on ", "");
    const connection = openNodeTransport({ url, timeoutMs: 60_000, tls: { ca: cert } });
    const client = createSignetClient({ transport: connection.transport, token: BENCH_TOKEN });
    const { orgId } = await client.tokens.whoAmI({});
    const { id: projectId, runtimeKeys } = await client.organizations.createProject({ orgId, name: "bench" });
    const token = runtimeKeys.find(({ envName }) => envName === "dev")?.rawKey ?? "";
    return new SecureSignet(child, client, connection, Number(new URL(url).port), { orgId, projectId }, token);
  }

  async publish(): Promise<void> {
    const policies = JSON.stringify({ number: (this.#published += 1) });
    await this.client.bundles.publishBundle({ ...this.place, envName: "dev", policies });
  }

  hangUp(): void {
    this.child.child.kill("SIGHUP");
  }

  /** What the next line about the certificate says; the reason when there is one. */
  async nextLog(pattern: RegExp): Promise<string> {
    this.child.err = "";
    const { msg, reason } = JSON.parse(await this.child.errLine(pattern)) as { msg: string; reason?: string };
    return reason ?? msg;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connection[Symbol.dispose]();
    await this.child.stop();
  }
}

/** Watches, each on a connection of its own. */
class Streams implements Disposable {
  readonly ended: string[] = [];
  readonly #open: GrpcStream[] = [];
  #messages = 0;
  #wanted = { messages: Infinity, reached: () => {} };

  constructor(
    private readonly server: SecureSignet,
    private readonly ca: string,
  ) {}

  /** Resolves when each has had its first message, which says that nothing is active yet. */
  async open(count: number): Promise<void> {
    const headers = { ":scheme": "https", authorization: `Bearer ${this.server.runtimeToken}` };
    const said = opening(
      "/signet.v1.RuntimeService/WatchBundle",
      grpcHeaders(this.server.port, headers),
      Buffer.alloc(0),
      true,
    );
    const events = { message: () => this.#count(), ended: (why: string) => void this.ended.push(why) };
    const all = this.#until(count);
    for (let opened = 0; opened < count; opened += 1) {
      this.#open.push(new GrpcStream(this.server.port, said, events, this.ca));
    }
    await all;
  }

  /** Publishes, and waits until each open stream has had one message more. */
  async feed(): Promise<{ readonly count: number; readonly ms: number }> {
    const count = this.#open.length - this.ended.length;
    const all = this.#until(this.#messages + count);
    const from = now();
    await this.server.publish();
    await all;
    return { count, ms: now() - from };
  }

  [Symbol.dispose](): void {
    for (const stream of this.#open) stream.destroy();
  }

  #until(messages: number): Promise<void> {
    return new Promise((reached) => (this.#wanted = { messages, reached }));
  }

  #count(): void {
    this.#messages += 1;
    if (this.#messages === this.#wanted.messages) this.#wanted.reached();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchTlsReload();
