import { createHash } from "node:crypto";
import { join } from "node:path";
import { TrustError } from "../bundle/trust/trust-error.js";
import { FINAL_ERRORS, SignetError } from "../sdk/signet-error.js";
import type { EnvironmentConfig } from "./config/agent-config.js";
import { variablesOf } from "./config/token.js";
import { HeldToken } from "./held-token.js";
import { inheritedEnvironment } from "./outputs/command-environment.js";
import { EnvironmentOutputs } from "./outputs/environment-outputs.js";
import { Journal } from "./outputs/journal.js";
import type { OutputLog } from "./outputs/output-log.js";
import { OutputsFollower } from "./outputs/outputs-follower.js";
import type { PackSource, SourceStatus } from "./source/environment-pack.js";
import { openPackSource } from "./source/pack-source.js";

/** The settings that all environments of an agent share. */
export interface AgentContext {
  /** The directory for everything that the agent keeps. */
  readonly state: string;
  /** Whether local readers are served: then every part that they may ask for is kept. */
  readonly serves: boolean;
  /** The variables of the process: for tokens, and for what commands inherit. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Variables of the tokens of all environments. */
  readonly tokenVariables: readonly string[];
  readonly log: (environment: string) => OutputLog;
  /** Name and version, for the fleet view. */
  readonly agent: string;
  readonly now: () => Date;
}

/** One environment of an agent: its verified pack, and the outputs that follow it. */
export class AgentEnvironment implements AsyncDisposable {
  /**
   * The first answer of the server: null when it proves the state of the environment, also when nothing is active; a TrustError when it was
   * refused; or an error that the server repeats for good, such as that of the token.
   */
  readonly answered: Promise<TrustError | SignetError | null>;

  private constructor(
    readonly config: EnvironmentConfig,
    readonly source: PackSource,
    /** Null where there is nothing to write and nothing to run. */
    readonly follower: OutputsFollower | null,
    private readonly token: HeldToken,
    log: OutputLog,
    private readonly stop: AbortController,
  ) {
    this.answered = new Promise((resolve) => {
      source.on("attempt", ({ error }) => {
        const isFinal = error instanceof SignetError && error.isFromServer && FINAL_ERRORS.has(error.code);
        if (error === null || error instanceof TrustError || isFinal) resolve(error);
      });
    });
    let said = "";
    const tell = () => {
      const text = describe(source.status);
      if (text === said) return;
      const isWell = source.status.error === null && source.status.refusal === null;
      if (isWell) log.info({ status: text }, "follows the server");
      else log.warn({ status: text }, "cannot follow the server");
      said = text;
    };
    source.on("state", tell);
    source.on("attempt", tell);
  }

  /**
   * Opens it from what is on the disk; the server is followed from then on.
   *
   * @throws AppError for a token that cannot be read, TrustError for a bad root, OutputError for a state that cannot be kept
   */
  static async open(config: EnvironmentConfig, context: AgentContext): Promise<AgentEnvironment> {
    const { outputs: rules, check, run, onExpired, onRevoked, url, tls, trust, identity, labels } = config;
    const log = context.log(config.label);
    const token = new HeldToken(config.token, context.environment, log);
    const hasOutputs = rules.length > 0 || run !== null;
    const needsDocument = rules.some(({ kind }) => kind === "document" || kind === "policies");
    const journal = hasOutputs ? await Journal.open(join(context.state, "outputs"), journalName(config)) : null;
    if (journal?.damage != null)
      log.warn({ reason: journal.damage }, "the journal of the outputs is damaged: their state is not known");
    const source = await openPackSource({
      ...{ url, tls, trust, identity, labels, onExpired, onRevoked },
      ...{ token: () => token.read(), instanceId: config.instance, agent: context.agent, now: context.now },
      directory: join(context.state, "packs"),
      reports: hasOutputs ? "caller" : "self",
      keeps: context.serves ? ["document", "opa"] : needsDocument ? ["document"] : [],
    });
    const stop = new AbortController();
    if (journal === null) return new AgentEnvironment(config, source, null, token, log, stop);
    const inherited = () =>
      ({
        ...inheritedEnvironment(context.environment, context.tokenVariables, [token.read()]),
        SIGNET_ENVIRONMENT: identity.environment,
        SIGNET_ORG_ID: identity.orgId,
        SIGNET_PROJECT_ID: identity.projectId,
      }) as const;
    const outputs = new EnvironmentOutputs({ rules, check, run, journal, log, inherited, signal: stop.signal });
    await outputs.tidy();
    const follower = new OutputsFollower({ source, outputs, log, stop, now: context.now });
    return new AgentEnvironment(config, source, follower, token, log, stop);
  }

  /** Whether a program that reads from the agent can start: the outputs have an activation, or there are no outputs and a pack is there. */
  get isReady(): boolean {
    const { follower, source } = this;
    if (follower === null) return source.current !== null;
    const { state, applied } = follower.status;
    return applied !== null && (state === "applied" || state === "rejected");
  }

  /** Resolves when `isReady` was true; never after the end. */
  async ready(): Promise<void> {
    while (!this.isReady) {
      if (this.follower === null) await this.source.updates()[Symbol.asyncIterator]().next();
      else await this.follower.next();
      if (this.stop.signal.aborted) return await new Promise(() => undefined);
    }
  }

  /** Whether its token is another one than when it was opened. A server that refused that one is asked again only after a while. */
  get hasNewToken(): boolean {
    return this.token.hasChanged;
  }

  /** Applies what is current again. */
  again(): void {
    this.follower?.again();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort();
    // While the source is open: what was applied is reported.
    await this.follower?.[Symbol.asyncDispose]();
    await this.source[Symbol.asyncDispose]();
  }
}

/** A name for files: the environment's, and a digest of what else identifies it. */
function journalName({ identity: { orgId, projectId, environment } }: EnvironmentConfig): string {
  const digest = createHash("sha256")
    .update(JSON.stringify([orgId, projectId, environment]))
    .digest("hex");
  return `${environment}-${digest.slice(0, 16)}`;
}

/** The variables of all tokens, which no command inherits. */
export function tokenVariables(environments: readonly EnvironmentConfig[]): readonly string[] {
  return environments.flatMap(({ token }) => variablesOf(token));
}

/** How a source stands, for the log: changes when that does, not with each lease. */
export function describe({ state, transport, error, refusal, sequence }: SourceStatus): string {
  const connection = transport === null ? "not connected" : `connected by ${transport}`;
  const why = error === null ? "" : `: ${error.message}`;
  const refused = refusal === null ? "" : `, refused sequence ${refusal.sequence}: ${refusal.code}: ${refusal.message}`;
  return `${state}${sequence === null ? "" : `, sequence ${sequence}`}, ${connection}${why}${refused}`;
}
