import { AppError } from "../core/error.js";

/** How long to wait before each try, in seconds: the first number before the first try. */
export type RetrySchedule = readonly number[];

/** Ten tries in a little over three days: the example of the Standard Webhooks specification ("Deliverability and reliability"). */
export const DEFAULT_RETRY_SCHEDULE = "0,5,300,1800,7200,18000,36000,50400,72000,86400";

const MAX_TRIES = 50;
const MAX_DELAY_SECONDS = 7 * 24 * 60 * 60;
const MAX_RETRY_AFTER_SECONDS = 24 * 60 * 60;

/**
 * Reads a schedule: one to 50 whole numbers of seconds, each at most a week, with commas between them.
 *
 * @param setting what the error calls the text
 * @throws AppError `invalid`
 */
export function parseRetrySchedule(text: string, setting = "retry schedule"): RetrySchedule {
  const delays = text.split(",").map((part) => {
    const seconds = /^\s*\d{1,6}\s*$/.test(part) ? Number(part) : NaN;
    if (seconds <= MAX_DELAY_SECONDS) return seconds;
    throw new AppError(
      "invalid",
      `${setting}: "${part.trim()}" must be a whole number of seconds, 0 to ${MAX_DELAY_SECONDS}`,
    );
  });
  if (delays.length > MAX_TRIES) throw new AppError("invalid", `${setting}: must be at most ${MAX_TRIES} numbers`);
  return delays;
}

/**
 * When to try next; null when no try is left.
 *
 * Jitter only adds, at most a tenth and a second, so that what failed together does not return together and nothing is early; the
 * first try has none. A Retry-After (RFC 9110, section 10.2.3) counts when it is later, up to a day.
 *
 * @param attempts tries so far
 * @param random 0 up to, not including, 1
 */
export function nextAttemptAt(
  schedule: RetrySchedule,
  attempts: number,
  now: Date,
  retryAfterSeconds: number | null,
  random: () => number,
): Date | null {
  const delay = schedule[attempts];
  if (delay === undefined) return null;
  if (attempts === 0) return new Date(now.getTime() + delay * 1000);
  const seconds = Math.max(delay, Math.min(retryAfterSeconds ?? 0, MAX_RETRY_AFTER_SECONDS));
  return new Date(now.getTime() + Math.round(seconds * 1000 + random() * (seconds * 100 + 1000)));
}
