import { DEFAULT_LIMITS, type ListenerLimits } from "../api/listener/limits.js";
import { setting, wholeNumber, type Setting, type ValuesOf } from "./setting.js";

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;

/** A whole number between `min` and `max`. */
function count(
  env: `SIGNET_${string}`,
  fallback: number,
  [min, max]: readonly [number, number],
  help: string,
): Setting<number> {
  return setting(env, String(fallback), help, wholeNumber(min, max));
}

const { http2, ...port } = DEFAULT_LIMITS;

/** The limits that an operator may change. What each one refuses, and the reason for its default: docs/limits.md. */
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
  /** Null follows the heap (memory-limits.ts). */
  maxBodyMemoryBytes: setting(
    "SIGNET_MAX_BODY_MEMORY_BYTES",
    "auto",
    "total size of request bodies in memory; auto follows the heap",
    (value, name) => (value === "auto" ? null : wholeNumber(MIB, 64 * 1024 * MIB)(value, name)),
  ),
  maxMemoryPercent: count(
    "SIGNET_MAX_MEMORY_PERCENT",
    80,
    [10, 100],
    "share of the heap and of the container's memory above which large requests are refused",
  ),
  maxAnswerMemoryBytes: count(
    "SIGNET_MAX_ANSWER_MEMORY_BYTES",
    128 * MIB,
    [MIB, 64 * 1024 * MIB],
    "total size of responses that clients have not read yet",
  ),
  maxConnections: count("SIGNET_MAX_CONNECTIONS", port.maxConnections, [1, 1e6], "connections in total"),
  maxConnectionsPerAddress: count(
    "SIGNET_MAX_CONNECTIONS_PER_ADDRESS",
    port.maxConnectionsPerAddress,
    [1, 1e6],
    "connections at once for each address; not applied behind proxies",
  ),
  maxConnectionsPerToken: count(
    "SIGNET_MAX_CONNECTIONS_PER_TOKEN",
    port.maxConnectionsPerToken,
    [1, 1e6],
    "connections guaranteed to one token; more may be evicted when the port is full",
  ),
  maxUnauthenticatedConnections: count(
    "SIGNET_MAX_UNAUTHENTICATED_CONNECTIONS",
    port.maxUnauthenticatedConnections,
    [1, 1e6],
    "connections at once without a valid token; the oldest is evicted",
  ),
  maxUnauthenticatedStreams: count(
    "SIGNET_MAX_UNAUTHENTICATED_STREAMS",
    port.maxUnauthenticatedStreams,
    [1, 1e6],
    "requests open on those, together",
  ),
  requestTimeoutMs: count(
    "SIGNET_REQUEST_TIMEOUT_MS",
    port.requestTimeoutMs,
    [100, HOUR_MS],
    "time for a request's body",
  ),
  keepAliveTimeoutMs: count(
    "SIGNET_KEEP_ALIVE_TIMEOUT_MS",
    port.keepAliveTimeoutMs,
    [100, HOUR_MS],
    "HTTP/1.1: idle timeout of a connection",
  ),
  stallTimeoutMs: count(
    "SIGNET_STALL_TIMEOUT_MS",
    port.stallTimeoutMs,
    [310_000, 24 * HOUR_MS],
    "timeout for a client that reads nothing of a response",
  ),
  maxHeaderBytes: count(
    "SIGNET_MAX_HEADER_BYTES",
    port.maxHeaderBytes,
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
    "HTTP/2: requests that a client may cancel within 10 seconds",
  ),
} as const;

/** The values of {@link LIMIT_SETTINGS}. */
export type LimitConfig = ValuesOf<typeof LIMIT_SETTINGS>;

/** The limits of the port. `proxies`: how many stand before it. */
export function listenerLimits(config: LimitConfig, proxies: number): ListenerLimits {
  const { maxConnections, maxConnectionsPerToken, maxUnauthenticatedConnections, maxUnauthenticatedStreams } = config;
  const { requestTimeoutMs, keepAliveTimeoutMs, stallTimeoutMs, maxHeaderBytes } = config;
  return {
    ...{ ...port, maxConnections, maxConnectionsPerToken, maxUnauthenticatedConnections, maxUnauthenticatedStreams },
    ...{ requestTimeoutMs, keepAliveTimeoutMs, stallTimeoutMs, maxHeaderBytes },
    maxConnectionsPerAddress: proxies > 0 ? Infinity : config.maxConnectionsPerAddress,
    // Node refuses to start with more time for the headers than for the request.
    headersTimeoutMs: Math.min(port.headersTimeoutMs, requestTimeoutMs),
    // A limit checked less often than it is long would be longer.
    checkIntervalMs: Math.min(port.checkIntervalMs, requestTimeoutMs),
    maxDiscardBytes: config.maxBodyBytes,
    http2: { ...http2, maxConcurrentStreams: config.maxStreamsPerConnection, maxResets: config.maxStreamResets },
  };
}
