import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http, { type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import https from "node:https";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import {
  createSignetClient,
  parsePublicKey,
  watchBundle,
  type SignetClient,
  type WatchEvent,
} from "../../src/sdk/index.js";
import { openNodeTransport, type NodeTransport } from "../../src/sdk/node-transport.js";
import { DisposalStack } from "../../src/server/disposal-stack.js";
import { selfSigned } from "../outbound/self-signed.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import type { Balancer } from "./balancers.js";
import { Relay } from "./relay.js";

const FOLDER = join(import.meta.dirname, "../../packaging");

/** The name of the site in the shipped files. */
const NAME = "signet.example.com";

/** A balancer with its shipped file before three nodes: relays to one server. */
export class BalancerRig implements AsyncDisposable {
  #said = "";
  #wake = () => {};

  private constructor(
    readonly server: TestServer,
    readonly nodes: readonly Relay[],
    private readonly url: string,
    private readonly ca: string,
    private readonly child: ChildProcess,
    private readonly stack: DisposalStack,
  ) {
    child.stderr?.setEncoding("utf8").on("data", (said: string) => {
      this.#said += said;
      this.#wake();
    });
    child.once("close", () => this.#wake());
  }

  /** Starts all of it, and waits until the balancer answers. Throws when it finds anything wrong with its file, warnings too. */
  static async open(balancer: Balancer): Promise<BalancerRig> {
    const stack = new DisposalStack();
    try {
      const rig = await BalancerRig.fill(balancer, stack);
      await rig.answers();
      return rig;
    } catch (thrown) {
      await stack[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  private static async fill(balancer: Balancer, stack: DisposalStack): Promise<BalancerRig> {
    const { file, program, tls } = balancer;
    const directory = mkdtempSync(join(tmpdir(), "signet-balancer-"));
    stack.defer(async () => rmSync(directory, { recursive: true, force: true }));
    const inside = (name: string) => join(directory, name);
    const { key, cert } = selfSigned("localhost");
    const files = { "signet.pem": cert + key, "signet.crt": cert, "signet.key": key, "ca.pem": cert };
    for (const [name, content] of Object.entries(files)) writeFileSync(inside(name), content, { mode: 0o600 });
    const settings =
      tls === "node"
        ? { SIGNET_TLS_CERT: inside("signet.crt"), SIGNET_TLS_KEY: inside("signet.key") }
        : { SIGNET_TRUSTED_PROXIES: "1" };
    const server = stack.use(await startTestServer(settings));
    const nodes: Relay[] = [];
    for (let n = 0; n < 3; n += 1) nodes.push(stack.use(await Relay.open(Number(new URL(server.url).port))));
    const port = await freePort();
    const shipped = readFileSync(join(FOLDER, file), "utf8");
    const config = inside("balancer.conf");
    writeFileSync(config, balancer.adapt(shipped, { directory, port, nodes }).replaceAll(NAME, "localhost"));
    const { status, stderr } = spawnSync(program, balancer.check(config, directory), { encoding: "utf8" });
    if (status !== 0 || /warn|alert|emerg/i.test(stderr)) throw new Error(`${program} refuses ${file}: ${stderr}`);
    const child = spawn(program, balancer.run(config, directory), { stdio: ["ignore", "ignore", "pipe"] });
    const closed = once(child, "close");
    stack.defer(async () => {
      child.kill("SIGTERM");
      await closed;
    });
    const url = `${tls === "none" ? "http" : "https"}://localhost:${port}`;
    return new BalancerRig(server, nodes, url, cert, child, stack);
  }

  /** A connection of its own through the balancer. */
  connect(): NodeTransport {
    return openNodeTransport({ url: this.url, timeoutMs: 10_000, tls: { ca: this.ca } });
  }

  /** An HTTP/1.1 request over a connection of its own. */
  async get(path: string, headers: OutgoingHttpHeaders): Promise<{ readonly status: number; readonly body: string }> {
    const url = `${this.url}${path}`;
    const asked = url.startsWith("https:")
      ? https.get(url, { ca: this.ca, agent: false, headers })
      : http.get(url, { agent: false, headers });
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    return { status: answer.statusCode ?? 0, body: await text(answer) };
  }

  /** Publishes to dev. Returns the sequence. */
  async publish(): Promise<number> {
    using connection = this.connect();
    const { orgId, projectId } = this.server;
    const { bundles } = createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN });
    const { sequence } = await bundles.publishBundle({ orgId, projectId, envName: "dev", policies: '{"n":1}' });
    return sequence ?? 0;
  }

  /** A runtime token of dev with this name. */
  async runtimeToken(name: string): Promise<string> {
    using connection = this.connect();
    const { orgId, projectId } = this.server;
    const { tokens } = createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN });
    return (await tokens.createRuntimeToken({ orgId, projectId, environmentId: "dev", name })).rawKey ?? "";
  }

  /** Resolves when the log of the balancer matches; rejects when the balancer ends before. */
  async says(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#said)) {
      if (this.child.exitCode !== null) throw new Error(`the balancer ended: ${this.#said}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  private async answers(): Promise<void> {
    for (;;) {
      const answer = await this.get("/readyz", {}).catch(() => null);
      if (answer?.status === 200) return;
      if (this.child.exitCode !== null) throw new Error(`the balancer ended: ${this.#said}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stack[Symbol.asyncDispose]();
  }
}

/** A runtime that watches dev through a balancer, and comes back at once when it loses its stream. */
export class RigWatcher implements AsyncDisposable {
  readonly events: WatchEvent[] = [];
  readonly #stop = new AbortController();
  readonly #connection: NodeTransport;
  readonly #done: Promise<void>;
  #wake = () => {};

  private constructor(rig: BalancerRig, token: string, keys: readonly string[]) {
    this.#connection = rig.connect();
    this.#done = this.#read(createSignetClient({ transport: this.#connection.transport, token }), keys);
  }

  static async start(rig: BalancerRig): Promise<RigWatcher> {
    using connection = rig.connect();
    const admin = createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN });
    const { keys } = await admin.bundles.listKeys({});
    const token = await rig.runtimeToken("watcher");
    const pems = keys.filter(({ purpose }) => purpose === "bundles").map(({ publicKeyPem }) => publicKeyPem);
    return new RigWatcher(rig, token, pems);
  }

  async #read(client: SignetClient, keys: readonly string[]): Promise<void> {
    const { signal } = this.#stop;
    const backoff = { baseMs: 50, maxMs: 200, random: Math.random };
    const trust = { keys: keys.map(parsePublicKey), expect: {} };
    for await (const event of watchBundle(client, { ...trust, instanceId: "rig", signal, backoff })) {
      this.events.push(event);
      this.#wake();
    }
  }

  /** Resolves when it has connected so many times. */
  async connected(times: number): Promise<void> {
    await this.#until(() => this.events.filter(({ type }) => type === "connected").length >= times);
  }

  /** Resolves when it has the bundle of this sequence. */
  async reaches(sequence: number): Promise<void> {
    await this.#until(() =>
      this.events.some((event) => event.type === "activation" && event.activation.sequence === sequence),
    );
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([woken, this.#done.then(() => Promise.reject(new Error("the watch ended")))]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
    this.#connection[Symbol.dispose]();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await once(server.close(), "close");
  return port;
}
