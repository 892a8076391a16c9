import { DEFAULT_LIMITS, type ListenerLimits } from "../api/listener/limits.js";
import { AppError } from "../core/error.js";
import { setting, wholeNumber, type Setting } from "./setting.js";

/** The limits that an operator may change. What each one refuses, and why its default is what it is: docs/limits.md. */
export interface LimitConfig {
  /** Requests a minute for each token; 0 is off. */
  readonly rateLimit: number;
  /** Failed authentications a minute for each address; 0 is off. */
  readonly maxFailedAuthentications: number;
  /** Streams open at once, for each token and for each address. */
  readonly maxStreams: number;
  /** Long polls held at once, for each token and for each address. */
  readonly maxHeldPolls: number;
  /** The largest request body, and so the largest policy document. */
  readonly maxBodyBytes: number;
  /** Request bodies that are held at once, together; null follows the heap (memory-limits.ts). */
  readonly maxBodyMemoryBytes: number | null;
  /** The share of the heap, and of the memory that the process may use, from which on large work is refused. */
  readonly maxMemoryPercent: number;
  /** Answers that wait for their clients to read them, together. */
  readonly maxAnswerMemoryBytes: number;
  readonly maxConnections: number;
  /** Not applied behind proxies: all connections are theirs. */
  readonly maxConnectionsPerAddress: number;
  /** Connections that one token keeps; not above four fifths of all. */
  readonly maxConnectionsPerToken: number;
  /** Connections over which no valid token has come yet. */
  readonly maxUnauthenticatedConnections: number;
  /** Requests that are open on those, together. */
  readonly maxUnauthenticatedStreams: number;
  readonly maxHealthWatches: number;
  readonly maxHealthWatchesPerAddress: number;
  readonly firstBytesTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly maxHeaderBytes: number;
  readonly maxStreamsPerConnection: number;
  readonly maxStreamResets: number;
  readonly streamResetWindowMs: number;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  readonly maxSessionMib: number;
  readonly maxInvalidFrames: number;
}

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;

const { http2 } = DEFAULT_LIMITS;

/** A whole number between `min` and `max`. */
function count(
  env: `SIGNET_${string}`,
  fallback: number,
  [min, max]: readonly [number, number],
  help: string,
): Setting<number> {
  return setting(env, String(fallback), help, wholeNumber(min, max));
}

export const LIMIT_SETTINGS = {
  rateLimit: count("SIGNET_RATE_LIMIT", 6000, [0, 1e9], "requests a minute for each token; 0 is off"),
  maxFailedAuthentications: count(
    "SIGNET_MAX_FAILED_AUTHENTICATIONS",
    600,
    [0, 1e9],
    "failed authentications a minute for each address; 0 is off",
  ),
  maxStreams: count("SIGNET_MAX_STREAMS", 20_000, [1, 1e6], "streams at once for each token and address"),
  maxHeldPolls: count("SIGNET_MAX_HELD_POLLS", 20_000, [1, 1e6], "long polls at once for each token and address"),
  maxBodyBytes: count("SIGNET_MAX_BODY_BYTES", 16 * MIB, [1024, 256 * MIB], "largest request body"),
  maxBodyMemoryBytes: setting(
    "SIGNET_MAX_BODY_MEMORY_BYTES",
    "auto",
    "request bodies that are held in memory at once, together; auto follows the heap",
    (value, name) => (value === "auto" ? null : wholeNumber(MIB, 64 * 1024 * MIB)(value, name)),
  ),
  maxMemoryPercent: count(
    "SIGNET_MAX_MEMORY_PERCENT",
    80,
    [10, 100],
    "share of the heap, and of the container's memory, from which on large requests are refused",
  ),
  maxAnswerMemoryBytes: count(
    "SIGNET_MAX_ANSWER_MEMORY_BYTES",
    128 * MIB,
    [MIB, 64 * 1024 * MIB],
    "answers that wait for their clients to read them, together",
  ),
  maxConnections: count(
    "SIGNET_MAX_CONNECTIONS",
    DEFAULT_LIMITS.maxConnections,
    [1, 1e6],
    "connections at once, together",
  ),
  maxConnectionsPerAddress: count(
    "SIGNET_MAX_CONNECTIONS_PER_ADDRESS",
    DEFAULT_LIMITS.maxConnectionsPerAddress,
    [1, 1e6],
    "connections at once for each address; not applied behind proxies",
  ),
  maxConnectionsPerToken: count(
    "SIGNET_MAX_CONNECTIONS_PER_TOKEN",
    DEFAULT_LIMITS.maxConnectionsPerToken,
    [1, 1e6],
    "connections that one token keeps; others of it make room when the port is full",
  ),
  maxUnauthenticatedConnections: count(
    "SIGNET_MAX_UNAUTHENTICATED_CONNECTIONS",
    DEFAULT_LIMITS.maxUnauthenticatedConnections,
    [1, 1e6],
    "connections at once over which no valid token has come; the oldest makes room",
  ),
  maxUnauthenticatedStreams: count(
    "SIGNET_MAX_UNAUTHENTICATED_STREAMS",
    DEFAULT_LIMITS.maxUnauthenticatedStreams,
    [1, 1e6],
    "requests that are open on those, together",
  ),
  maxHealthWatches: count(
    "SIGNET_MAX_HEALTH_WATCHES",
    DEFAULT_LIMITS.maxHealthWatches,
    [1, 1e6],
    "gRPC health watches at once, together; the address with most makes room",
  ),
  maxHealthWatchesPerAddress: count(
    "SIGNET_MAX_HEALTH_WATCHES_PER_ADDRESS",
    DEFAULT_LIMITS.maxHealthWatchesPerAddress,
    [1, 1e6],
    "gRPC health watches at once for each address",
  ),
  firstBytesTimeoutMs: count(
    "SIGNET_FIRST_BYTES_TIMEOUT_MS",
    DEFAULT_LIMITS.firstBytesTimeoutMs,
    [100, HOUR_MS],
    "time until a connection says what it speaks, and for the TLS handshake",
  ),
  headersTimeoutMs: count(
    "SIGNET_HEADERS_TIMEOUT_MS",
    DEFAULT_LIMITS.headersTimeoutMs,
    [100, HOUR_MS],
    "HTTP/1.1: time for a request's headers",
  ),
  requestTimeoutMs: count(
    "SIGNET_REQUEST_TIMEOUT_MS",
    DEFAULT_LIMITS.requestTimeoutMs,
    [100, HOUR_MS],
    "time for a request's body",
  ),
  keepAliveTimeoutMs: count(
    "SIGNET_KEEP_ALIVE_TIMEOUT_MS",
    DEFAULT_LIMITS.keepAliveTimeoutMs,
    [100, HOUR_MS],
    "HTTP/1.1: how long a connection without a request is kept",
  ),
  idleTimeoutMs: count(
    "SIGNET_IDLE_TIMEOUT_MS",
    http2.idleTimeoutMs,
    [100, 24 * HOUR_MS],
    "HTTP/2: how long a connection without a stream is kept",
  ),
  stallTimeoutMs: count(
    "SIGNET_STALL_TIMEOUT_MS",
    DEFAULT_LIMITS.stallTimeoutMs,
    [310_000, 24 * HOUR_MS],
    "how long a client may take nothing of what it is sent",
  ),
  maxHeaderBytes: count(
    "SIGNET_MAX_HEADER_BYTES",
    DEFAULT_LIMITS.maxHeaderBytes,
    [1024, 64 * 1024],
    "a request's headers together",
  ),
  maxStreamsPerConnection: count(
    "SIGNET_MAX_STREAMS_PER_CONNECTION",
    http2.maxConcurrentStreams,
    [1, 65_535],
    "HTTP/2: requests at once for each connection",
  ),
  maxStreamResets: count(
    "SIGNET_MAX_STREAM_RESETS",
    http2.maxResets,
    [1, 1e6],
    "HTTP/2: requests that a client may cancel in a window",
  ),
  streamResetWindowMs: count(
    "SIGNET_STREAM_RESET_WINDOW_MS",
    http2.resetWindowMs,
    [100, HOUR_MS],
    "HTTP/2: that window",
  ),
  pingIntervalMs: count("SIGNET_PING_INTERVAL_MS", http2.pingIntervalMs, [100, HOUR_MS], "HTTP/2: time between pings"),
  pingTimeoutMs: count(
    "SIGNET_PING_TIMEOUT_MS",
    http2.pingTimeoutMs,
    [100, HOUR_MS],
    "HTTP/2: how long a ping may be unanswered",
  ),
  maxSessionMib: count(
    "SIGNET_MAX_SESSION_MIB",
    http2.maxSessionMiB,
    [1, 4096],
    "HTTP/2: MiB that a connection may hold before it gets no more streams",
  ),
  maxInvalidFrames: count(
    "SIGNET_MAX_INVALID_FRAMES",
    http2.maxInvalidFrames,
    [1, 1e6],
    "HTTP/2: invalid frames before a connection ends",
  ),
} satisfies { readonly [K in keyof LimitConfig]: Setting<LimitConfig[K]> };

/** Node refuses to start with less time for a request than for its head. */
export function checkTimeouts({ headersTimeoutMs, requestTimeoutMs }: LimitConfig): void {
  if (headersTimeoutMs <= requestTimeoutMs) return;
  throw new AppError("invalid", "SIGNET_HEADERS_TIMEOUT_MS must not be above SIGNET_REQUEST_TIMEOUT_MS");
}

/** The limits of the port. `proxies`: how many stand before it. */
export function listenerLimits(config: LimitConfig, proxies: number): ListenerLimits {
  return {
    ...DEFAULT_LIMITS,
    maxConnections: config.maxConnections,
    maxConnectionsPerAddress: proxies > 0 ? Infinity : config.maxConnectionsPerAddress,
    maxConnectionsPerToken: config.maxConnectionsPerToken,
    maxUnauthenticatedConnections: config.maxUnauthenticatedConnections,
    maxUnauthenticatedStreams: config.maxUnauthenticatedStreams,
    maxHealthWatches: config.maxHealthWatches,
    maxHealthWatchesPerAddress: config.maxHealthWatchesPerAddress,
    firstBytesTimeoutMs: config.firstBytesTimeoutMs,
    headersTimeoutMs: config.headersTimeoutMs,
    requestTimeoutMs: config.requestTimeoutMs,
    // A limit that is looked at less often than it is long would be longer.
    checkIntervalMs: Math.min(DEFAULT_LIMITS.checkIntervalMs, config.headersTimeoutMs),
    keepAliveTimeoutMs: config.keepAliveTimeoutMs,
    stallTimeoutMs: config.stallTimeoutMs,
    maxHeaderBytes: config.maxHeaderBytes,
    maxDiscardBytes: config.maxBodyBytes,
    http2: {
      ...http2,
      maxConcurrentStreams: config.maxStreamsPerConnection,
      maxResets: config.maxStreamResets,
      resetWindowMs: config.streamResetWindowMs,
      pingIntervalMs: config.pingIntervalMs,
      pingTimeoutMs: config.pingTimeoutMs,
      idleTimeoutMs: config.idleTimeoutMs,
      maxSessionMiB: config.maxSessionMib,
      maxInvalidFrames: config.maxInvalidFrames,
    },
  };
}
