import { DEFAULT_LIMITS } from "../api/listener/limits.js";
import { flagOf } from "./setting.js";

const { http2, ...port } = DEFAULT_LIMITS;

/** Limits that earlier versions had settings for, by environment variable, and their values now. */
export const FIXED_LIMITS: Readonly<Record<`SIGNET_${string}`, number>> = {
  SIGNET_FIRST_BYTES_TIMEOUT_MS: port.firstBytesTimeoutMs,
  SIGNET_HEADERS_TIMEOUT_MS: port.headersTimeoutMs,
  SIGNET_MAX_HEALTH_WATCHES: port.maxHealthWatches,
  SIGNET_MAX_HEALTH_WATCHES_PER_ADDRESS: port.maxHealthWatchesPerAddress,
  SIGNET_STREAM_RESET_WINDOW_MS: http2.resetWindowMs,
  SIGNET_PING_INTERVAL_MS: http2.pingIntervalMs,
  SIGNET_PING_TIMEOUT_MS: http2.pingTimeoutMs,
  SIGNET_IDLE_TIMEOUT_MS: http2.idleTimeoutMs,
  SIGNET_MAX_SESSION_MIB: http2.maxSessionMiB,
  SIGNET_MAX_INVALID_FRAMES: http2.maxInvalidFrames,
};

/** The value of the limit that once had this flag (`--idle-timeout-ms`); undefined for any other flag. */
export function fixedLimitOfFlag(flag: string): number | undefined {
  const [, value] =
    Object.entries(FIXED_LIMITS).find(([env]) => `--${flagOf({ env: env as `SIGNET_${string}` })}` === flag) ?? [];
  return value;
}
