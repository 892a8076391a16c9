import type { ConnectionOptions } from "node:tls";
import pg, { type ClientConfig } from "pg";
import { AppError } from "../../core/error.js";
import type { DatabaseUrl } from "./database-url.js";
import { isReadOnlyHost } from "./errors.js";
import { HostError, type Attempt, type Hosts } from "./hosts.js";
import type { ConnectionNotice } from "./options.js";
import { refuseServer, serverFacts } from "./refusals.js";
import { CONNECT_TIMEOUT_MS, KEEP_ALIVE_DELAY_MS } from "./timeouts.js";
import type { TlsPolicy } from "./tls.js";
import { TYPES } from "./types.js";

/** A database, as its clients know it. */
export interface Server {
  readonly url: DatabaseUrl;
  readonly hosts: Hosts;
  readonly tls: TlsPolicy;
  readonly applicationName: string;
  readonly onNotice: (notice: ConnectionNotice) => void;
}

/** How one client differs from the others of its server. */
export interface ClientMode {
  /** Statements are sent without waiting for the answers of those before. */
  readonly pipeline: boolean;
  /** The longest wait for one answer; null for none. Beyond it the connection is closed. */
  readonly queryTimeoutMs: number | null;
}

/**
 * One connection to the host whose turn it is. `connect` succeeds only for a server that Signet runs on and that takes writes; else it
 * throws a HostError. The end of the connection, at any time, does not end the process: statements fail, then it is spent.
 */
export class HostClient extends pg.Client {
  readonly attempt: Attempt;
  readonly #server: Server;
  readonly #isPipelined: boolean;
  #isGathering = false;
  #isSpent = false;
  /** Why it cannot connect at all: a pool's clients must not throw while they are made. */
  #failure: AppError | null = null;

  constructor(server: Server, mode: ClientMode) {
    const attempt = server.hosts.next();
    const offer = { plus: false };
    const ssl = tlsOf(server, attempt);
    super({ ...clientConfig(server, mode, attempt, offer), ssl: ssl instanceof AppError ? true : ssl });
    if (ssl instanceof AppError) this.#failure = ssl;
    this.attempt = attempt;
    this.#server = server;
    this.#isPipelined = mode.pipeline;
    // Without a listener an error of a connection ends the process.
    this.on("error", () => {
      this.#isSpent = true;
    });
    this.on("notice", ({ severity, code, message }) => {
      if (severity === "WARNING")
        server.onNotice({ level: "warn", message: `the database warns: ${String(message)} (${String(code)})` });
    });
    if (server.url.channelBinding) {
      this.connection.on("authenticationSASL", ({ mechanisms }: { mechanisms: readonly string[] }) => {
        offer.plus = mechanisms.includes("SCRAM-SHA-256-PLUS");
      });
      this.#isBound = () => offer.plus;
    }
  }

  #isBound = () => true;
  #wasGood = false;
  #keepsStatements = false;

  /** Whether `connect` has succeeded. */
  get wasGood(): boolean {
    return this.#wasGood;
  }

  /** Whether prepared statements stay: it is no pooler's, which tells its clients another process than the server's. */
  get keepsStatements(): boolean {
    return this.#keepsStatements;
  }

  /** Not to be used again: it ended, it is in the middle of an answer, or its host takes no writes any more. */
  get isSpent(): boolean {
    return this.#isSpent || this.#server.hosts.isAbandoned(this.attempt);
  }

  override connect(): Promise<this>;
  override connect(callback: (error: Error | null, client?: this) => void): void;
  override connect(callback?: (error: Error | null, client?: this) => void): Promise<this> | undefined {
    const connected = this.#connect();
    if (callback === undefined) return connected;
    connected.then(
      () => callback(null, this),
      (error: unknown) => callback(error as Error),
    );
    return undefined;
  }

  async #connect(): Promise<this> {
    try {
      if (this.#failure !== null) throw this.#failure;
      await super.connect();
      if (!this.#isBound()) throw new AppError("unavailable", CHANNEL_BINDING);
      const facts = await serverFacts(this, connectTimeoutMs(this.#server));
      refuseServer(facts);
      this.#keepsStatements = facts.backendPid === (this as { readonly processID?: unknown }).processID;
      this.#wasGood = true;
      return this;
    } catch (error) {
      this.destroy();
      throw new HostError(this.attempt, error);
    }
  }

  /** Closes the connection without a word to the other end, which may be gone. */
  destroy(): void {
    this.#isSpent = true;
    this.connection.stream.destroy();
  }

  /** As pg's, of whose many signatures this is one that fits all. */
  override query(...given: never[]): never {
    if (this.#isPipelined) this.#gather();
    const answer: unknown = super.query(...(given as [never]));
    if (answer instanceof Promise) answer.catch((error: unknown) => this.#judge(error));
    return answer as never;
  }

  /** The statements of one turn are one write: each costs a system call otherwise, a fourth of the time of a publish. */
  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    const { stream } = this.connection;
    stream.cork();
    process.nextTick(() => {
      this.#isGathering = false;
      stream.uncork();
    });
  }

  #judge(error: unknown): void {
    // The answer may come yet, and would be taken for that of the next statement.
    if (error instanceof Error && error.message === "Query read timeout") this.destroy();
    if (isReadOnlyHost(error)) this.#server.hosts.abandon(this.attempt);
  }
}

const CHANNEL_BINDING =
  "the server offers no login that is bound to the TLS connection, which channel_binding=require asks for";

/** The time for one host, in milliseconds. */
export function connectTimeoutMs({ url }: Pick<Server, "url">): number {
  return url.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
}

function tlsOf({ tls }: Server, { withTls }: Attempt): ConnectionOptions | false | AppError {
  try {
    return withTls && tls.options();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

function clientConfig(
  server: Server,
  mode: ClientMode,
  attempt: Attempt,
  offer: { readonly plus: boolean },
): ClientConfig {
  const { url } = server;
  return {
    host: attempt.host,
    port: attempt.port,
    user: url.user,
    database: url.database,
    // A function: it is not printed, and pg looks neither into PGPASSWORD nor into a file for one that is empty.
    password: () => {
      if (url.channelBinding && !offer.plus) throw new AppError("unavailable", CHANNEL_BINDING);
      return url.password;
    },
    sslnegotiation: url.sslDirect ? "direct" : "postgres",
    enableChannelBinding: url.channelBinding,
    application_name: url.applicationName ?? server.applicationName,
    connectionTimeoutMillis: connectTimeoutMs(server),
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    pipeline: mode.pipeline,
    ...(mode.queryTimeoutMs === null ? {} : { query_timeout: mode.queryTimeoutMs }),
    types: TYPES,
  };
}
