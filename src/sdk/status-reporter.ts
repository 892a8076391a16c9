import { sleep } from "../core/schedule/wait.js";
import { type Backoff, type BackoffOptions, createBackoff } from "./backoff.js";
import type { SignetClient } from "./client.js";
import { check, checkInstance, hasMethods, isObject, isText } from "./option-checks.js";
import { FINAL_ERRORS, toSignetError, type SignetError } from "./signet-error.js";

export interface StatusReporterOptions {
  /** As in the watch. */
  readonly instanceId: string;
  /** Name and version of the runtime. */
  readonly agent?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Ends all tries. */
  readonly signal: AbortSignal;
  readonly backoff?: BackoffOptions;
  /** Told of each try that failed, and when the next one is; null: never, the server refused it. */
  readonly onFailure?: (error: SignetError, delayMs: number | null) => void;
}

/** What became of an activation. */
export interface InstanceStatus {
  readonly state: "applied" | "rejected";
  readonly sequence: number;
  readonly deploymentId?: string;
  readonly reason?: string;
}

/** Tells the fleet view what an instance did, again until the server has it. */
export interface StatusReporter {
  /** Takes a status, which replaces one that is still on its way. Never throws and never waits. */
  report(status: InstanceStatus): void;
  /** Resolves when nothing is on its way any more: the newest was told, refused or given up. Never rejects. */
  settled(): Promise<void>;
}

/** Waits of a fleet that was refused together: spread over 5 s, then 10 s, up to a minute. */
const REPORT_BACKOFF: BackoffOptions = { baseMs: 5_000, maxMs: 60_000, random: Math.random };

/**
 * A reporter for one instance. A report that is answered 429 or 503, or by nobody, is sent again after a random wait on top of what the
 * server asks for; only the newest status is. Throws a TypeError for options that are wrong.
 */
export function createStatusReporter(
  client: Pick<SignetClient, "runtimes">,
  options: StatusReporterOptions,
): StatusReporter {
  checkOptions(client, options);
  let newest: InstanceStatus | null = null;
  let sending: Promise<void> = Promise.resolve();
  let isSending = false;

  const run = async () => {
    const backoff = createBackoff(options.backoff ?? REPORT_BACKOFF);
    while (newest !== null && !options.signal.aborted) {
      const status = newest;
      const delayMs = await send(client, options, status, backoff);
      if (delayMs !== null) await sleep(delayMs, options.signal);
      else if (newest === status) newest = null;
    }
    isSending = false;
  };
  return {
    report(status) {
      newest = status;
      if (isSending || options.signal.aborted) return;
      isSending = true;
      sending = run();
    },
    settled: () => sending,
  };
}

function checkOptions(client: Pick<SignetClient, "runtimes">, options: StatusReporterOptions): void {
  check(isObject(client) && hasMethods(client.runtimes, "reportStatus"), "client", "what createSignetClient returns");
  check(isObject(options), "options", "an object");
  checkInstance(options);
  const { agent = "", onFailure } = options;
  check(isText(agent, 255), "agent", "a text of at most 255 characters");
  check(onFailure === undefined || typeof onFailure === "function", "onFailure", "a function");
}

/** Returns how long to wait before the next try; null when there is none to be made. */
async function send(
  client: Pick<SignetClient, "runtimes">,
  { instanceId, agent, labels = {}, signal, onFailure }: StatusReporterOptions,
  { state, sequence, deploymentId, reason }: InstanceStatus,
  backoff: Backoff,
): Promise<number | null> {
  const optional = {
    ...(agent === undefined ? {} : { agent }),
    ...(reason === undefined ? {} : { reason }),
    ...(deploymentId === undefined ? {} : { deploymentId }),
  };
  try {
    await client.runtimes.reportStatus({ instanceId, state, sequence, labels: { ...labels }, ...optional }, { signal });
    return null;
  } catch (thrown) {
    const error = toSignetError(thrown);
    if (signal.aborted) return null;
    const isFinal = FINAL_ERRORS.has(error.code) && error.isFromServer;
    const delayMs = isFinal ? null : (error.retryAfterSeconds ?? 0) * 1000 + backoff.nextMs();
    onFailure?.(error, delayMs);
    return delayMs;
  }
}
