import { AppError } from "../core/error.js";
import { AgentEnvironment, tokenVariables, type AgentContext } from "./agent-environment.js";
import type { AgentConfig, EnvironmentConfig } from "./config/agent-config.js";
import type { OutputLog } from "./outputs/output-log.js";
import { startLocalServer, type EnvironmentToServe, type LocalServer } from "./serve/local-server.js";
import { lockState } from "./state-lock.js";

/** What an agent needs of its process. */
export interface AgentOptions extends Pick<AgentContext, "environment" | "log" | "agent"> {
  /** For what is of no environment. */
  readonly ownLog: OutputLog;
  /** The clock that expiry is measured by. Default: the machine's. */
  readonly now?: () => Date;
}

/** Follows environments: keeps what is verified, writes it to files, and runs commands. */
export class Agent implements AsyncDisposable {
  #environments: readonly AgentEnvironment[] = [];
  #server: LocalServer | null = null;

  private constructor(
    private config: AgentConfig,
    private readonly options: AgentOptions,
    private readonly lock: AsyncDisposable,
  ) {}

  /**
   * Starts with what is on the disk; the servers may be away.
   *
   * @throws AppError `conflict` for a state directory of another agent, `unauthenticated` for a token that cannot be read; TrustError
   *   for a bad root; OutputError for a state that cannot be kept; what listening for local readers fails with
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

  /** Where local readers are served; null: nowhere. */
  get url(): string | null {
    return this.#server?.url ?? null;
  }

  get environments(): readonly AgentEnvironment[] {
    return this.#environments;
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
    for (const one of wanted.values()) {
      try {
        await this.#open(one);
      } catch (err) {
        this.options.ownLog.error({ err, environment: one.label }, "the changed environment cannot be opened");
        const before = replaced.find(({ identity }) => JSON.stringify(identity) === JSON.stringify(one.identity));
        if (before !== undefined) await this.#open(before);
      }
    }
    this.#server?.serve(this.#served());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    await Promise.all(this.#environments.map((environment) => environment[Symbol.asyncDispose]()));
    await this.lock[Symbol.asyncDispose]();
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

  async #serve(): Promise<void> {
    const { serve } = this.config;
    if (serve === null) return;
    const { agent: version, ownLog } = this.options;
    this.#server = await startLocalServer({
      ...{ listen: serve, environments: this.#served(), version },
      onError: (err) => ownLog.error({ err }, "a local reader got no answer"),
    });
    ownLog.info({ url: this.#server.url }, "serves local readers");
  }

  #served(): readonly EnvironmentToServe[] {
    return this.#environments.map((environment) => {
      const { config, source } = environment;
      return { label: config.label, source, isReady: () => environment.isReady };
    });
  }

  async #close(environment: AgentEnvironment): Promise<EnvironmentConfig> {
    this.#environments = this.#environments.filter((other) => other !== environment);
    await environment[Symbol.asyncDispose]();
    return environment.config;
  }
}
