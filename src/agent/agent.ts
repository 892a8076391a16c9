import { AppError } from "../core/error.js";
import { AgentEnvironment, tokenVariables, type AgentContext } from "./agent-environment.js";
import type { AgentConfig, EnvironmentConfig } from "./config/agent-config.js";
import { systemReason } from "../sdk/runtime/node/node-files.js";
import { codeOf } from "./outputs/output-error.js";
import type { OutputLog } from "./outputs/output-log.js";
import type { ListenAddress } from "./serve/listen-address.js";
import { startLocalServer, type EnvironmentToServe, type LocalServer } from "./serve/local-server.js";
import { lockState } from "./state-lock.js";

/** The parts of an agent that its process gives it. */
export interface AgentOptions extends Pick<AgentContext, "environment" | "log" | "agent"> {
  readonly version: string;
  /** For messages about no environment. */
  readonly ownLog: OutputLog;
  /** The clock that expiry is measured by. Default: the machine's. */
  readonly now?: () => Date;
}

/** Follows environments: keeps what is verified, writes it to files, and runs commands. */
export class Agent implements AsyncDisposable {
  #environments: readonly AgentEnvironment[] = [];
  #servers: readonly LocalServer[] = [];

  private constructor(
    private config: AgentConfig,
    private readonly options: AgentOptions,
    private readonly lock: AsyncDisposable,
  ) {}

  /**
   * Starts with what is on the disk; the servers may be away.
   *
   * @throws AppError `conflict` for a state directory of another agent or an address that is taken, `unauthenticated` for a token that
   *   cannot be read; TrustError for a bad root; OutputError for a state that cannot be kept
   */
  static async start(config: AgentConfig, options: AgentOptions): Promise<Agent> {
    const agent = new Agent(config, options, await lockState(config.state));
    try {
      for (const environment of config.environments) await agent.#open(environment);
      await agent.#serve();
      return agent;
    } catch (thrown) {
      await agent[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  get environments(): readonly AgentEnvironment[] {
    return this.#environments;
  }

  /** The URLs for local readers and for probes; empty when nothing is served. */
  get urls(): readonly string[] {
    return this.#servers.map(({ url }) => url);
  }

  /** Resolves when every environment that is followed now is ready. */
  async ready(): Promise<void> {
    await Promise.all(this.#environments.map((environment) => environment.ready()));
  }

  /**
   * Goes on with another configuration: environments that are the same in both, with the same token, go on as they are, and their outputs
   * are brought to what is current again. One that cannot be opened goes on as it was.
   *
   * @throws AppError `conflict` for a change that needs a restart; then nothing was changed
   */
  async reload(config: AgentConfig): Promise<void> {
    const { state, serve } = this.config;
    if (config.state !== state) throw new AppError("conflict", "another state directory needs a restart");
    if (JSON.stringify(config.serve) !== JSON.stringify(serve)) {
      throw new AppError("conflict", "another address to serve at needs a restart");
    }
    const wanted = new Map(config.environments.map((one) => [JSON.stringify(one), one]));
    const replaced: EnvironmentConfig[] = [];
    for (const environment of this.#environments) {
      const key = JSON.stringify(environment.config);
      if (!wanted.has(key) || environment.hasNewToken) replaced.push(await this.#close(environment));
      else {
        wanted.delete(key);
        environment.again();
      }
    }
    this.config = config;
    try {
      for (const one of wanted.values()) {
        try {
          await this.#open(one);
        } catch (err) {
          this.options.ownLog.error({ err, environment: one.label }, "the changed environment cannot be opened");
          const before = replaced.find(({ identity }) => JSON.stringify(identity) === JSON.stringify(one.identity));
          if (before !== undefined) await this.#open(before);
        }
      }
    } finally {
      for (const server of this.#servers) server.serve(this.#toServe());
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Readers are told that it stops, and come again to the next one.
    await Promise.all(this.#servers.map((server) => server[Symbol.asyncDispose]()));
    await Promise.all(this.#environments.map((environment) => environment[Symbol.asyncDispose]()));
    await this.lock[Symbol.asyncDispose]();
  }

  async #serve(): Promise<void> {
    const { serve } = this.config;
    if (serve === null) return;
    const { version, ownLog } = this.options;
    const onError = (err: unknown) => ownLog.error({ err }, "cannot answer a local reader");
    const { listen, healthListen, ...limits } = serve;
    const shared = { environments: this.#toServe(), version, onError };
    const readers = await listening(listen, startLocalServer({ ...shared, ...limits, listen }));
    this.#servers = [readers];
    ownLog.info({ url: this.urls[0] }, "serves local readers");
    if (healthListen === null) return;
    const { allowedHosts } = limits;
    const health = startLocalServer({
      ...{ ...shared, allowedHosts, serves: "health", listen: healthListen, maxReaders: 64 },
      counts: () => readers.counts(),
    });
    this.#servers = [...this.#servers, await listening(healthListen, health)];
  }

  #toServe(): readonly EnvironmentToServe[] {
    return this.#environments.map((environment) => {
      const { config, source, follower } = environment;
      const outputs = follower === null ? {} : { outputs: () => follower.status };
      return { label: config.label, source, isReady: () => environment.isReady, ...outputs };
    });
  }

  async #open(config: EnvironmentConfig): Promise<void> {
    const { options } = this;
    const opened = await AgentEnvironment.open(config, {
      ...options,
      state: this.config.state,
      serves: this.config.serve !== null,
      tokenVariables: tokenVariables(this.config.environments),
      now: options.now ?? (() => new Date()),
    });
    this.#environments = [...this.#environments, opened];
  }

  async #close(environment: AgentEnvironment): Promise<EnvironmentConfig> {
    this.#environments = this.#environments.filter((other) => other !== environment);
    await environment[Symbol.asyncDispose]();
    return environment.config;
  }
}

/** Waits until a server listens. Rejects with AppError `conflict` for an address that is taken, `invalid` for another that cannot be used. */
async function listening(listen: ListenAddress, starting: Promise<LocalServer>): Promise<LocalServer> {
  return await starting.catch((cause: unknown) => {
    const place = "socket" in listen ? listen.socket : `${listen.host}:${listen.port}`;
    const isTaken = codeOf(cause) === "EADDRINUSE";
    throw new AppError(isTaken ? "conflict" : "invalid", `cannot serve at ${place}: ${systemReason(cause)}`, { cause });
  });
}
