/** A Signet server with a directory and an environment of its own, and what a benchmark asks of it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { WatchBundleRequestSchema } from "../gen/signet/v1/runtime_pb.js";
import type { LogLevel } from "../src/config.js";
import type { WatchCall } from "./load/watchers.js";
import { BENCH_TOKEN, SignetProcess } from "./signet-process.js";

export class SignetBench implements AsyncDisposable {
  #published = 0;

  private constructor(
    private readonly directory: string,
    private readonly server: SignetProcess,
    private readonly environment: string,
    readonly runtimeToken: string,
  ) {}

  static async open(logLevel: LogLevel): Promise<SignetBench> {
    const directory = await mkdtemp(join(tmpdir(), "signet-bench-"));
    const server = await SignetProcess.start(directory, logLevel);
    const { url, firstStart } = server.started;
    if (firstStart === null) throw new Error("a new directory that is not new");
    const { orgId, projectId } = firstStart;
    const org = `${url}/v1/orgs/${orgId}`;
    const environments = await call<{ id: string; name: string }[]>(`${org}/projects/${projectId}/environments`);
    const environmentId = environments.find(({ name }) => name === "dev")?.id;
    const body = { project_id: projectId, environment_id: environmentId, name: "bench" };
    const { raw_key } = await call<{ raw_key: string }>(`${org}/tokens/runtime`, body);
    return new SignetBench(directory, server, `${org}/projects/${projectId}/envs/dev`, raw_key);
  }

  get url(): string {
    return this.server.started.url;
  }

  /** Where /metrics is, without a token. */
  get metricsUrl(): string {
    return this.server.started.metricsUrl ?? "";
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get pid(): number {
    return this.server.pid;
  }

  usage() {
    return this.server.usage();
  }

  /** Publishes a document of about that many bytes that nobody published before. */
  async publish(bytes: number): Promise<void> {
    const policies = { number: (this.#published += 1), text: "x".repeat(bytes) };
    await call(`${this.environment}/bundles/publish`, { policies });
  }

  /** @param afterSequence what the runtime has already */
  watchCall(afterSequence: number): WatchCall {
    const message = toBinary(WatchBundleRequestSchema, create(WatchBundleRequestSchema, { afterSequence }));
    return {
      port: this.port,
      path: "/signet.v1.RuntimeService/WatchBundle",
      headers: grpcHeaders(this.port, { authorization: `Bearer ${this.runtimeToken}` }),
      message: Buffer.from(message).toString("base64"),
      half: true,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** The headers of a gRPC call, as any client sends them. */
export function grpcHeaders(port: number, more: Readonly<Record<string, string>> = {}) {
  return { ":authority": `127.0.0.1:${port}`, "content-type": "application/grpc", te: "trailers", ...more };
}

async function call<T>(url: string, body?: object): Promise<T> {
  const response = await fetch(url, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${BENCH_TOKEN}`, "content-type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}
