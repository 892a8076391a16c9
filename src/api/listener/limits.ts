/** What a port and each of its connections may cost. Why each default is what it is: docs/limits.md. */
export interface ListenerLimits {
  /** All together. */
  readonly maxConnections: number;
  /** Of one client address, as admission counts it; Infinity when every connection is a proxy's. */
  readonly maxConnectionsPerAddress: number;
  /** Connections that one token makes known: none of them is closed for another one. */
  readonly maxConnectionsPerToken: number;
  /** Connections over which no valid token has come yet. */
  readonly maxUnauthenticatedConnections: number;
  /** Requests that are open on those, together. */
  readonly maxUnauthenticatedStreams: number;
  /** gRPC health watches, which need no token: all together, and of one address. */
  readonly maxHealthWatches: number;
  readonly maxHealthWatchesPerAddress: number;
  /** Connections that the system holds until they are accepted: a fleet may come at once. The system's own limit may be lower. */
  readonly maxBacklog: number;
  /** From the connection's start until it is known which HTTP it speaks; as long again for a handshake of TLS. */
  readonly firstBytesTimeoutMs: number;
  /** HTTP/1.1: until a request's head is complete. */
  readonly headersTimeoutMs: number;
  /** Until a request's body is complete, in both; long enough for the largest body on a slow line. Not below `headersTimeoutMs`. */
  readonly requestTimeoutMs: number;
  /** How often HTTP/1.1 looks for requests that are over these times. */
  readonly checkIntervalMs: number;
  /** HTTP/1.1: idle timeout of a connection. */
  readonly keepAliveTimeoutMs: number;
  /** How long a client may take nothing of what it is sent. Above the longest held poll (300 s) and the heartbeat of streams. */
  readonly stallTimeoutMs: number;
  /** A request's headers together. */
  readonly maxHeaderBytes: number;
  /** What is thrown away of a body that was refused, so that its sender reads the answer; after that the connection ends. */
  readonly maxDiscardBytes: number;
  readonly http2: Http2Limits;
}

export interface Http2Limits {
  /** For each connection. */
  readonly maxConcurrentStreams: number;
  /** How much of a body may be under way, for each stream. */
  readonly windowBytes: number;
  /** Streams that a client may cancel within `resetWindowMs` before its connection ends (CVE-2023-44487, "rapid reset"). */
  readonly maxResets: number;
  readonly resetWindowMs: number;
  readonly pingIntervalMs: number;
  /** A peer that does not answer a ping for so long is gone. */
  readonly pingTimeoutMs: number;
  /** A connection without a stream for so long is closed; looked at on each ping. */
  readonly idleTimeoutMs: number;
  /** What Node may hold for one connection, in MiB. */
  readonly maxSessionMiB: number;
  /** Frames that HTTP/2 does not allow, before the connection ends. */
  readonly maxInvalidFrames: number;
}

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
