import type { DATABASE_SETTINGS } from "../../src/config/database-settings.js";
import type { LimitConfig } from "../../src/config/limit-settings.js";

/** What is expected of a setting. */
export interface Case {
  readonly env: string;
  readonly flag: string | null;
  readonly fallback: unknown;
  readonly good: readonly (readonly [text: string, value: unknown])[];
  readonly bad: readonly string[];
}

/** A setting that is a whole number. */
export const number = (env: string, flag: string, fallback: number, min: number, max: number): Case => ({
  env,
  flag,
  fallback,
  good: [
    [String(min), min],
    [String(max), max],
  ],
  bad: ["-1", "1e3", "0x10", "1.5", " 1", "ten", "", String(max + 1), ...(min > 0 ? [String(min - 1)] : [])],
});

/** A setting that is a path, or none where it is empty. */
export const optionalPath = (env: string, flag: string | null, path: string): Case => ({
  env,
  flag,
  fallback: null,
  good: [
    ["", null],
    [path, path],
  ],
  bad: [],
});

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;
const time = (env: string, flag: string, fallback: number) => number(env, flag, fallback, 100, HOUR_MS);

export const LIMIT_CASES: Readonly<Record<keyof LimitConfig, Case>> = {
  rateLimit: number("SIGNET_RATE_LIMIT", "rate-limit", 6000, 0, 1e9),
  maxFailedAuthentications: number(
    "SIGNET_MAX_FAILED_AUTHENTICATIONS",
    "max-failed-authentications",
    ...([600, 0, 1e9] as const),
  ),
  maxStreams: number("SIGNET_MAX_STREAMS", "max-streams", 20_000, 1, 1e6),
  maxHeldPolls: number("SIGNET_MAX_HELD_POLLS", "max-held-polls", 20_000, 1, 1e6),
  maxBodyBytes: number("SIGNET_MAX_BODY_BYTES", "max-body-bytes", 16 * MIB, 1024, 256 * MIB),
  maxBodyMemoryBytes: {
    ...number("SIGNET_MAX_BODY_MEMORY_BYTES", "max-body-memory-bytes", MIB, MIB, 65_536 * MIB),
    fallback: null,
  },
  maxMemoryPercent: number("SIGNET_MAX_MEMORY_PERCENT", "max-memory-percent", 80, 10, 100),
  maxAnswerMemoryBytes: number(
    "SIGNET_MAX_ANSWER_MEMORY_BYTES",
    "max-answer-memory-bytes",
    ...([128 * MIB, MIB, 65_536 * MIB] as const),
  ),
  maxConnections: number("SIGNET_MAX_CONNECTIONS", "max-connections", 20_000, 1, 1e6),
  maxConnectionsPerAddress: number(
    "SIGNET_MAX_CONNECTIONS_PER_ADDRESS",
    "max-connections-per-address",
    ...([20_000, 1, 1e6] as const),
  ),
  maxConnectionsPerToken: number(
    "SIGNET_MAX_CONNECTIONS_PER_TOKEN",
    "max-connections-per-token",
    ...([16_000, 1, 1e6] as const),
  ),
  maxUnauthenticatedConnections: number(
    "SIGNET_MAX_UNAUTHENTICATED_CONNECTIONS",
    "max-unauthenticated-connections",
    ...([10_000, 1, 1e6] as const),
  ),
  maxUnauthenticatedStreams: number(
    "SIGNET_MAX_UNAUTHENTICATED_STREAMS",
    "max-unauthenticated-streams",
    ...([20_000, 1, 1e6] as const),
  ),
  requestTimeoutMs: time("SIGNET_REQUEST_TIMEOUT_MS", "request-timeout-ms", 300_000),
  keepAliveTimeoutMs: time("SIGNET_KEEP_ALIVE_TIMEOUT_MS", "keep-alive-timeout-ms", 75_000),
  stallTimeoutMs: number("SIGNET_STALL_TIMEOUT_MS", "stall-timeout-ms", 600_000, 310_000, 24 * HOUR_MS),
  maxHeaderBytes: number("SIGNET_MAX_HEADER_BYTES", "max-header-bytes", 16 * 1024, 1024, 64 * 1024),
  maxStreamsPerConnection: number(
    "SIGNET_MAX_STREAMS_PER_CONNECTION",
    "max-streams-per-connection",
    ...([256, 1, 65_535] as const),
  ),
  maxStreamResets: number("SIGNET_MAX_STREAM_RESETS", "max-stream-resets", 200, 1, 1e6),
};

export const DATABASE_URL = "postgres://signet:pa%40ss@db-1,db-2:6432/signet?target_session_attrs=read-write";

export const DATABASE_CASES: Readonly<Record<keyof typeof DATABASE_SETTINGS, Case>> = {
  databaseUrl: {
    env: "SIGNET_DATABASE_URL",
    flag: null,
    fallback: null,
    good: [
      ["", null],
      [DATABASE_URL, DATABASE_URL],
    ],
    bad: [
      "mysql://db/signet",
      "sqlite:here",
      "postgres://db/signet",
      "postgresql://u@db:70000/d",
      `${DATABASE_URL}&sslmod=require`,
    ],
  },
  databaseDirectUrl: {
    env: "SIGNET_DATABASE_DIRECT_URL",
    flag: null,
    fallback: null,
    good: [["", null]],
    bad: ["mysql://db/signet"],
  },
  databaseCa: {
    env: "SIGNET_DATABASE_CA",
    flag: "database-ca",
    fallback: null,
    good: [["", null]],
    bad: ["/none/ca.pem", "-----BEGIN PRIVATE KEY-----"],
  },
  keySecret: {
    env: "SIGNET_KEY_SECRET",
    flag: null,
    fallback: null,
    good: [["", null]],
    bad: ["x".repeat(31), "x".repeat(1_025)],
  },
  newKeySecret: {
    env: "SIGNET_NEW_KEY_SECRET",
    flag: null,
    fallback: null,
    good: [["", null]],
    bad: ["x".repeat(31), "x".repeat(1_025)],
  },
  databasePool: number("SIGNET_DATABASE_POOL", "database-pool", 8, 1, 100),
};
