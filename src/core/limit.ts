/**
 * The limits that refuse requests or connections, by the name of their setting without `SIGNET_`. `version_quota` is part of a plan,
 * the limits of documents are constants, and the last three are Node's own. docs/limits.md describes each one and its errors.
 */
export const LIMITS = [
  "rate_limit",
  "max_failed_authentications",
  "max_streams",
  "max_held_polls",
  "max_body_bytes",
  "max_body_memory_bytes",
  "max_answer_memory_bytes",
  "max_memory_percent",
  "document_queue",
  "document_bounds",
  "diff_bounds",
  "version_quota",
  "open_files",
  "max_connections",
  "max_connections_per_address",
  "max_connections_per_token",
  "max_unauthenticated_connections",
  "max_unauthenticated_streams",
  "max_health_watches",
  "max_health_watches_per_address",
  "first_bytes_timeout_ms",
  "headers_timeout_ms",
  "request_timeout_ms",
  "stall_timeout_ms",
  "max_header_bytes",
  "max_streams_per_connection",
  "max_stream_resets",
  "ping_timeout_ms",
  "max_session_mib",
  "max_invalid_frames",
  "http2_flood",
  "http2_continuations",
  "http2_refused_streams",
] as const;

/** The name of a limit, as metrics and logs have it. */
export type LimitName = (typeof LIMITS)[number];

/** Counts refusals by a limit, for metrics. Cheap; never throws. */
export interface LimitObserver {
  refused(limit: LimitName): void;
}
