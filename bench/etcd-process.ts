/** An etcd of Debian's etcd-server in a directory of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./free-port.js";
import type { WatchCall } from "./load/watchers.js";
import { grpcHeaders } from "./signet-bench.js";

const ETCD = "/usr/bin/etcd";
const KEY = "bundle";

export class EtcdProcess implements AsyncDisposable {
  private constructor(
    readonly port: number,
    private readonly directory: string,
    private readonly child: ChildProcess,
  ) {}

  /** Null, and says so, where there is none. */
  static async start(): Promise<EtcdProcess | null> {
    if (!existsSync(ETCD)) {
      console.log(`${ETCD} is not there: measured without it`);
      return null;
    }
    const directory = await mkdtemp(join(tmpdir(), "signet-bench-"));
    const [port, peerPort] = [await freePort(), await freePort()];
    const [client, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
    const args = ["--data-dir", directory, "--log-level", "error"];
    args.push("--listen-client-urls", client, "--advertise-client-urls", client);
    args.push(
      "--listen-peer-urls",
      peer,
      "--initial-advertise-peer-urls",
      peer,
      "--initial-cluster",
      `default=${peer}`,
    );
    // Its 2 GiB are few for a long benchmark.
    args.push("--quota-backend-bytes", String(8 * 1024 ** 3));
    const etcd = new EtcdProcess(port, directory, spawn(ETCD, args, { stdio: "ignore" }));
    await etcd.#untilItAnswers();
    return etcd;
  }

  get pid(): number {
    return this.child.pid ?? NaN;
  }

  /** WatchRequest{create_request: WatchCreateRequest{key}}, which is short enough for one-byte lengths. */
  watchCall(): WatchCall {
    const create = Buffer.concat([Buffer.of(0x0a, KEY.length), Buffer.from(KEY)]);
    return {
      port: this.port,
      path: "/etcdserverpb.Watch/Watch",
      headers: grpcHeaders(this.port),
      message: Buffer.concat([Buffer.of(0x0a, create.length), create]).toString("base64"),
      half: false,
    };
  }

  /** Puts a value of that many bytes, over the JSON gateway. */
  async publish(bytes: number): Promise<void> {
    const [key, value] = [KEY, "x".repeat(bytes)].map((text) => Buffer.from(text).toString("base64"));
    const response = await fetch(`http://127.0.0.1:${this.port}/v3/kv/put`, {
      method: "POST",
      body: JSON.stringify({ key, value }),
    });
    if (!response.ok) throw new Error(`etcd answered ${response.status}`);
    await response.arrayBuffer();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.child, "exit");
    this.child.kill();
    await gone;
    await rm(this.directory, { recursive: true, force: true });
  }

  async #untilItAnswers(): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      try {
        await this.publish(1);
        return;
      } catch (error) {
        if (tries === 200) throw error;
        await sleep(50);
      }
    }
  }
}
