/** A Signet server with a directory and an environment of its own, and what a benchmark asks of it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { WatchBundleRequestSchema } from "../gen/signet/v1/runtime_pb.js";
import { WatchEnvironmentsRequestSchema } from "../gen/signet/v1/watch_pb.js";
import type { LogLevel } from "../src/config/config.js";
import type { WatchCall } from "./load/watchers.js";
import { BENCH_TOKEN, SignetProcess } from "./signet-process.js";

interface NewProject {
  readonly id: string;
  readonly runtime_keys: readonly { readonly env_name: string; readonly raw_key: string }[];
}

export class SignetBench implements AsyncDisposable {
  #published = 0;

  private constructor(
    private readonly directory: string,
    private readonly server: SignetProcess,
    readonly projectId: string,
    /** The path of its environment. */
    readonly environment: string,
    readonly runtimeToken: string,
  ) {}

  /** @param settings environment variables on top of the benchmark's */
  static async open(
    logLevel: LogLevel,
    heapMib: number | null = null,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<SignetBench> {
    const directory = await mkdtemp(join(tmpdir(), "signet-bench-"));
    const server = await SignetProcess.start(directory, logLevel, heapMib, settings);
    const { url, firstStart } = server.started;
    if (firstStart === null) throw new Error("a new directory that is not new");
    const { orgId, projectId } = firstStart;
    const org = `${url}/v1/orgs/${orgId}`;
    const environments = await call<{ id: string; name: string }[]>(`${org}/projects/${projectId}/environments`);
    const environmentId = environments.find(({ name }) => name === "dev")?.id;
    const body = { project_id: projectId, environment_id: environmentId, name: "bench" };
    const { raw_key } = await call<{ raw_key: string }>(`${org}/tokens/runtime`, body);
    const path = `/v1/orgs/${orgId}/projects/${projectId}/envs/dev`;
    return new SignetBench(directory, server, projectId, path, raw_key);
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

  /** Where the document of a version is. */
  documentPath(version: number): string {
    return `${this.environment}/bundles/${version}/document`;
  }

  usage() {
    return this.server.usage();
  }

  /** Publishes a document of about that many bytes that nobody published before. */
  async publish(bytes: number, environment = this.environment): Promise<void> {
    const policies = { number: (this.#published += 1), text: "x".repeat(bytes) };
    await call(`${this.url}${environment}/bundles/publish`, { policies });
  }

  /** The paths of environments in so many new projects. */
  async newEnvironments(count: number): Promise<readonly string[]> {
    const organization = this.environment.slice(0, this.environment.indexOf("/projects/"));
    const paths: string[] = [];
    for (let number = 1; number <= count; number += 1) {
      const { id } = await call<{ id: string }>(`${this.url}${organization}/projects`, { name: `bench ${number}` });
      paths.push(`${organization}/projects/${id}/envs/dev`);
    }
    return paths;
  }

  /** The runtime tokens of so many environments in new projects, three in each; with something active in each where there are bytes. */
  async newRuntimes(count: number, bytes: number): Promise<readonly string[]> {
    const organization = this.environment.slice(0, this.environment.indexOf("/projects/"));
    const tokens: string[] = [];
    for (let number = 1; tokens.length < count; number += 1) {
      const body = { name: `bench runtimes ${number}` };
      const { id, runtime_keys } = await call<NewProject>(`${this.url}${organization}/projects`, body);
      for (const { env_name, raw_key } of runtime_keys) {
        const policies = { number, text: "x".repeat(bytes) };
        await call(`${this.url}${organization}/projects/${id}/envs/${env_name}/bundles/publish`, { policies });
        tokens.push(raw_key);
      }
    }
    return tokens.slice(0, count);
  }

  async publishBody(body: Buffer): Promise<void> {
    const answer = await fetch(`${this.url}${this.environment}/bundles/publish`, post(BENCH_TOKEN, body));
    if (!answer.ok) throw new Error(`the publish answered ${answer.status}: ${await answer.text()}`);
  }

  /** Another organization, and two things that it does again and again. */
  async secondOrganization() {
    const made = await call<{ id: string; admin_token: { raw_key: string } }>(`${this.url}/v1/orgs`, {
      name: "second",
    });
    const { raw_key } = made.admin_token;
    const org = `/v1/orgs/${made.id}`;
    const project = await fetch(`${this.url}${org}/projects`, post(raw_key, JSON.stringify({ name: "second" })));
    const { id } = (await project.json()) as { id: string };
    const document = JSON.stringify({ policies: { text: "x".repeat(100_000) } });
    const yaml = { project_id: id, media_type: "application/yaml", policies: "a: 1\nb: [x, z]\n" };
    return {
      publish: {
        url: `${this.url}${org}/projects/${id}/envs/dev/bundles/publish`,
        init: () => post(raw_key, document),
      },
      draft: { url: `${this.url}/v1/source-artifacts`, init: () => post(raw_key, JSON.stringify(yaml)) },
    };
  }

  /** @param afterSequence what the runtime has already */
  watchCall(afterSequence: number, port = this.port): WatchCall {
    const message = toBinary(WatchBundleRequestSchema, create(WatchBundleRequestSchema, { afterSequence }));
    return {
      port,
      path: "/signet.v1.RuntimeService/WatchBundle",
      headers: grpcHeaders(port, { authorization: `Bearer ${this.runtimeToken}` }),
      message: Buffer.from(message).toString("base64"),
      half: true,
    };
  }

  /** Follows all environments, with all topics, as an administrator's console does. */
  watchEnvironmentsCall(port = this.port): WatchCall {
    const [, , , orgId = ""] = this.environment.split("/");
    const topics = ["fleet", "deliveries", "audit"];
    const message = toBinary(WatchEnvironmentsRequestSchema, create(WatchEnvironmentsRequestSchema, { orgId, topics }));
    return {
      port,
      path: "/signet.v1.WatchService/WatchEnvironments",
      headers: grpcHeaders(port, { authorization: `Bearer ${BENCH_TOKEN}` }),
      message: Buffer.from(message).toString("base64"),
      half: true,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }
}

function post(token: string, body: string | Buffer): RequestInit {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  return { method: "POST", headers, body };
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
