import { AppError } from "../../core/error.js";
import type { DatabaseHost } from "./database-url.js";
import { ReadOnlyHostError } from "./refusals.js";

/** A try to connect to one host. */
export interface Attempt extends DatabaseHost {
  readonly withTls: boolean;
  /** Connections of an earlier one are not used any more. */
  readonly generation: number;
}

/** Why a connection to one host was not made. */
export class HostError extends Error {
  override readonly name = "HostError";

  constructor(
    readonly attempt: Attempt,
    cause: unknown,
  ) {
    super(`${hostName(attempt)}: ${reasonOf(cause)}`, { cause });
  }
}

/** No host of the URL can be used; the message tells of each. For operators: it names hosts and users. */
export class NoPrimaryError extends Error {
  override readonly name = "NoPrimaryError";

  constructor(readonly failures: readonly HostError[]) {
    super(failures.map(({ message }) => message).join("; "), { cause: failures.at(-1) });
  }
}

const NO_PASSWORD = /client password must be a non-empty string/;
const NO_TLS = "The server does not support SSL connections";

/**
 * The hosts of a URL, in turn: the last one that was good first. Shared by all connections, so that after a failover all of them come to
 * the new primary. `prefersTls` (sslmode=prefer) goes on without TLS where the server has none.
 */
export class Hosts {
  #current = 0;
  #withTls: boolean;
  #generation = 0;

  constructor(
    readonly all: readonly DatabaseHost[],
    private readonly tls: "never" | "prefer" | "always",
  ) {
    this.#withTls = tls !== "never";
  }

  /** Where to connect next. */
  next(): Attempt {
    const host = this.all[this.#current];
    if (host === undefined) throw new RangeError("a URL has at least one host");
    // As in libpq: a socket of this machine has no TLS.
    return { ...host, withTls: this.#withTls && !host.host.startsWith("/"), generation: this.#generation };
  }

  /**
   * Goes on to the next host, unless another connection has done so already. Answers whether the same host is tried again instead: without
   * TLS, because it has none and the URL allows that.
   */
  failed({ attempt, cause }: HostError): boolean {
    const now = this.next();
    if (attempt.host !== now.host || attempt.port !== now.port) return false;
    if (this.tls === "prefer" && attempt.withTls && cause instanceof Error && cause.message === NO_TLS) {
      this.#withTls = false;
      return true;
    }
    if (attempt.withTls !== now.withTls) return false;
    this.#withTls = this.tls !== "never";
    this.#current = (this.#current + 1) % this.all.length;
    return false;
  }

  /** Whether a connection was made before `abandon`. */
  isAbandoned({ generation }: Attempt): boolean {
    return generation !== this.#generation;
  }

  /** The host of these connections takes no writes any more: none of them is used again, new ones look anew. */
  abandon(attempt: Attempt): void {
    if (!this.isAbandoned(attempt)) this.#generation += 1;
  }

  /** Connects by `connect` to the first host that is good. Throws NoPrimaryError. */
  async inTurn<T>(connect: () => Promise<T>): Promise<T> {
    const failures = new Map<string, HostError>();
    // Others move on meanwhile: the same host can come up again, and none more often than this.
    for (let tries = 0; tries < 3 * this.all.length && failures.size < this.all.length;) {
      try {
        return await connect();
      } catch (error) {
        if (!(error instanceof HostError)) throw error;
        tries += 1;
        if (!this.failed(error)) failures.set(hostName(error.attempt), error);
      }
    }
    throw new NoPrimaryError([...failures.values()]);
  }
}

function hostName({ host, port }: DatabaseHost): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** In a few words, and without what could be a secret: the server's own messages about logins have none. */
function reasonOf(cause: unknown): string {
  if (cause instanceof AppError || cause instanceof ReadOnlyHostError) return cause.message;
  const { code, message } = (cause ?? {}) as { code?: unknown; message?: unknown };
  if (code === "ECONNREFUSED") return "connection refused";
  if (code === "ENOTFOUND") return "no such host";
  if (code === "ENOENT") return "no socket there";
  if (message === "timeout expired" || message === "Query read timeout") return "no answer in time";
  if (typeof message === "string" && NO_PASSWORD.test(message))
    return "the server asks for a password, and the URL has none";
  if (message === NO_TLS) return "the server has no TLS, which sslmode asks for";
  const text = typeof message === "string" && message !== "" ? message : "unknown reason";
  return typeof code === "string" ? `${text} (${code})` : text;
}
