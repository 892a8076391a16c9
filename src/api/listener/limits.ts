/** The limits of a port and of each of its connections. The reason for each default: docs/limits.md. */
export interface ListenerLimits {
  /** All together. */
  readonly maxConnections: number;
  /** Of one client address, as admission counts it; Infinity when every connection is a proxy's. */
  readonly maxConnectionsPerAddress: number;
  /** Authenticated connections of one token, which are never evicted. */
  readonly maxConnectionsPerToken: number;
  /** Connections without a valid token so far. */
  readonly maxUnauthenticatedConnections: number;
  /** Requests open on those, together. */
  readonly maxUnauthenticatedStreams: number;
  /** gRPC health watches, which need no token: all together, and of one address. */
  readonly maxHealthWatches: number;
  readonly maxHealthWatchesPerAddress: number;
  /** Connections that the system holds until they are accepted: a fleet may come at once. The system's own limit may be lower. */
  readonly maxBacklog: number;
  /** From the connection's start until its protocol is known; as long again for a TLS handshake. */
  readonly firstBytesTimeoutMs: number;
  /** HTTP/1.1: until a request's head is complete. */
  readonly headersTimeoutMs: number;
  /** Until a request's body is complete, in both; long enough for the largest body on a slow line. Not below `headersTimeoutMs`. */
  readonly requestTimeoutMs: number;
  /** How often HTTP/1.1 looks for requests that are over these times. */
  readonly checkIntervalMs: number;
  /** HTTP/1.1: idle timeout of a connection. */
  readonly keepAliveTimeoutMs: number;
  /** How long a client may read nothing of an answer. Above the longest held poll (300 s) and the heartbeat of streams. */
  readonly stallTimeoutMs: number;
  /** A request's headers together. */
  readonly maxHeaderBytes: number;
  /** Bytes read and dropped of a refused body, so that its sender reads the answer; then the connection ends. */
  readonly maxDiscardBytes: number;
  readonly http2: Http2Limits;
}

/** The limits of HTTP/2 connections. */
export interface Http2Limits {
  /** For each connection. */
  readonly maxConcurrentStreams: number;
  /** The flow-control window of each stream. */
  readonly windowBytes: number;
  /** Streams that a client may cancel within `resetWindowMs` before its connection ends (CVE-2023-44487, "rapid reset"). */
  readonly maxResets: number;
  readonly resetWindowMs: number;
  readonly pingIntervalMs: number;
  /** A peer that does not answer a ping within this time counts as gone. */
  readonly pingTimeoutMs: number;
  /** A connection without a stream for so long is closed; looked at on each ping. */
  readonly idleTimeoutMs: number;
  /** Memory that Node may hold for one connection, in MiB. */
  readonly maxSessionMiB: number;
  /** Invalid frames before the connection ends. */
  readonly maxInvalidFrames: number;
}

/** The defaults; those that no setting changes are fixed. */
export const DEFAULT_LIMITS: ListenerLimits = {
  maxConnections: 20_000,
  maxConnectionsPerAddress: 20_000,
  maxConnectionsPerToken: 16_000,
  maxUnauthenticatedConnections: 10_000,
  maxUnauthenticatedStreams: 20_000,
  maxHealthWatches: 2_048,
  maxHealthWatchesPerAddress: 16,
  maxBacklog: 4096,
  firstBytesTimeoutMs: 10_000,
  headersTimeoutMs: 20_000,
  requestTimeoutMs: 300_000,
  checkIntervalMs: 5_000,
  keepAliveTimeoutMs: 75_000,
  stallTimeoutMs: 600_000,
  maxHeaderBytes: 16 * 1024,
  maxDiscardBytes: 16 * 1024 * 1024,
  http2: {
    maxConcurrentStreams: 256,
    windowBytes: 1024 * 1024,
    maxResets: 200,
    resetWindowMs: 10_000,
    pingIntervalMs: 30_000,
    pingTimeoutMs: 10_000,
    idleTimeoutMs: 300_000,
    maxSessionMiB: 64,
    maxInvalidFrames: 100,
  },
};
