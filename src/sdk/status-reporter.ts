import { retryAfterMs } from "./reconnect.js";
import { sleep } from "../core/schedule/wait.js";
import { type Backoff, type BackoffOptions, createBackoff } from "./backoff.js";
import type { SignetClient } from "./client.js";
import { check, hasMethods, isObject } from "../bundle/verify-arguments.js";
import { checkInstance, isText } from "./option-checks.js";
import { checkKeys, keysOf, type KeySource } from "./verify-activation.js";
import { FINAL_ERRORS, toSignetError, type SignetError } from "./signet-error.js";

/** The instance that reports, and how. */
export interface StatusReporterOptions {
  /** As in the watch: at most 128 characters. */
  readonly instanceId: string;
  /** Name and version of the runtime; at most 255 characters. */
  readonly agent?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * The keys of the watch: their ids are reported too, so that an operator sees which instances trust the next signing key. Those of a
   * function are looked at each minute, and reported again when they changed.
   */
  readonly keys?: KeySource;
  /** Ends all attempts. */
  readonly signal: AbortSignal;
  readonly backoff?: BackoffOptions;
  /** Called for each failed attempt, with the wait until the next one; null if the server refused the report for good. */
  readonly onFailure?: (error: SignetError, delayMs: number | null) => void;
}

/** What a reporter calls. */
export interface ReportClient {
  readonly runtimes: Pick<SignetClient["runtimes"], "reportStatus">;
}

/** The outcome of an activation on an instance. */
export interface InstanceStatus {
  readonly state: "applied" | "rejected";
  readonly sequence: number;
  readonly deploymentId?: string;
  readonly reason?: string;
}

/** Reports the status of an instance to the fleet view, and retries until the server has it. */
export interface StatusReporter {
  /** Sends a status, which replaces one that is still being sent. Never throws and never waits. */
  report(status: InstanceStatus): void;
  /** Resolves when nothing is being sent any more: the newest status was delivered, refused or given up. Never rejects. */
  settled(): Promise<void>;
}

/** Spreads the retries of a fleet that was refused together over 5 s, then 10 s, up to a minute. */
const REPORT_BACKOFF: BackoffOptions = { baseMs: 5_000, maxMs: 60_000, random: Math.random };

/** The time between two looks at the keys of a function, in milliseconds. */
const KEYS_CHECK_MS = 60_000;
/** As many key ids as a report takes. */
const MAX_KEY_IDS = 32;

/**
 * A reporter for one instance. A report that gets 429, 503 or no response is sent again after a random wait on top of the one that
 * the server asks for; only the newest status is. Throws a TypeError for invalid options.
 */
export function createStatusReporter(client: ReportClient, options: StatusReporterOptions): StatusReporter {
  checkOptions(client, options);
  let newest: InstanceStatus | null = null;
  let last: { readonly status: InstanceStatus; readonly keyIds: readonly string[] } | null = null;
  let sending: Promise<void> = Promise.resolve();
  let isSending = false;

  const run = async () => {
    const backoff = createBackoff(options.backoff ?? REPORT_BACKOFF);
    while (newest !== null && !options.signal.aborted) {
      const status = newest;
      const keyIds = await keyIdsOf(options.keys);
      const delayMs = await send(client, options, status, keyIds, backoff);
      if (delayMs !== null) await sleep(delayMs, options.signal);
      else {
        last = { status, keyIds };
        if (newest === status) newest = null;
      }
    }
    isSending = false;
  };
  const report = (status: InstanceStatus) => {
    newest = status;
    if (isSending || options.signal.aborted) return;
    isSending = true;
    sending = run();
  };
  if (typeof options.keys === "function") {
    followKeys(options.signal, async () => {
      const keyIds = await keyIdsOf(options.keys);
      if (last !== null && newest === null && keyIds.join() !== last.keyIds.join()) report(last.status);
    });
  }
  return { report, settled: () => sending };
}

/** Calls `look` each minute until the signal; without keeping the process alive. */
function followKeys(signal: AbortSignal, look: () => Promise<void>): void {
  if (signal.aborted) return;
  const timer = setInterval(() => void look(), KEYS_CHECK_MS);
  // A number in browsers.
  if (typeof timer === "object") timer.unref();
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}

/** Sorted. None when they cannot be read: the watch itself reports that, as a rejected bundle. */
async function keyIdsOf(keys: KeySource | undefined): Promise<readonly string[]> {
  if (keys === undefined) return [];
  try {
    return (await keysOf(keys))
      .map(({ keyId }) => keyId)
      .toSorted()
      .slice(0, MAX_KEY_IDS);
  } catch {
    return [];
  }
}

function checkOptions(client: ReportClient, options: StatusReporterOptions): void {
  check(isObject(client) && hasMethods(client.runtimes, "reportStatus"), "client", "what createSignetClient returns");
  check(isObject(options), "options", "an object");
  checkInstance(options);
  const { agent = "", keys, onFailure } = options;
  if (keys !== undefined && typeof keys !== "function") checkKeys(keys);
  check(isText(agent, 255), "agent", "a text of at most 255 characters");
  check(onFailure === undefined || typeof onFailure === "function", "onFailure", "a function");
}

/** Returns the wait before the next attempt, in milliseconds; null if there is none. */
async function send(
  client: ReportClient,
  { instanceId, agent, labels = {}, signal, onFailure }: StatusReporterOptions,
  { state, sequence, deploymentId, reason }: InstanceStatus,
  keyIds: readonly string[],
  backoff: Backoff,
): Promise<number | null> {
  const optional = {
    ...(agent === undefined ? {} : { agent }),
    ...(reason === undefined ? {} : { reason }),
    ...(deploymentId === undefined ? {} : { deploymentId }),
  };
  try {
    const request = { instanceId, state, sequence, labels: { ...labels }, keyIds: [...keyIds], ...optional };
    await client.runtimes.reportStatus(request, { signal });
    return null;
  } catch (thrown) {
    const error = toSignetError(thrown);
    if (signal.aborted) return null;
    const isFinal = FINAL_ERRORS.has(error.code) && error.isFromServer;
    const delayMs = isFinal ? null : retryAfterMs(error.retryAfterSeconds) + backoff.nextMs();
    onFailure?.(error, delayMs);
    return delayMs;
  }
}
