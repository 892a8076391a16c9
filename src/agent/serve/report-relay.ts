import { retryAfterMs } from "../../sdk/reconnect.js";
import { createHash } from "node:crypto";
import { sleep } from "../../core/schedule/wait.js";
import { createBackoff, type BackoffOptions } from "../../sdk/backoff.js";
import type { Upstream } from "../source/upstream.js";

/** A report of a local reader, to be passed on. */
export interface LocalReport {
  /** Of which the newest counts: the kind of report and the instance. */
  readonly key: string;
  readonly path: string;
  /** JSON. */
  readonly body: string;
}

/** Counts of reports since the start. */
export interface ReportCounts {
  forwarded: number;
  /** Not passed on: the server has it. */
  unchanged: number;
  /** A newer one of the same instance came first, or there was no room. */
  dropped: number;
  /** The server refused it for good. */
  refused: number;
}

/** How many instances have a report waiting, and how much of the memory those are. */
const MAX_WAITING = 10_000;
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** How many instances are remembered with their last report. */
const MAX_KNOWN = 10_000;
const IN_FLIGHT = 4;
const TIMEOUT_MS = 10_000;
/** A report that the server has already is sent again after this time: to the server an instance is live for five minutes after one. */
const AGAIN_MS = 60_000;
const BACKOFF: BackoffOptions = { baseMs: 1_000, maxMs: 60_000, random: Math.random };

/**
 * Passes reports of local readers on to the server: the newest of each instance, a few at a time, again while the server is away, and an
 * unchanged one once a minute.
 */
export class ReportRelay {
  readonly counts: ReportCounts = { forwarded: 0, unchanged: 0, dropped: 0, refused: 0 };
  readonly #waiting = new Map<string, LocalReport>();
  readonly #known = new Map<string, { readonly digest: string; readonly atMs: number }>();
  readonly #backoff = createBackoff(BACKOFF);
  #bytes = 0;
  #sending = 0;
  #pausedUntilMs = 0;

  constructor(
    private readonly upstream: Upstream,
    private readonly stop: AbortSignal,
  ) {}

  /** Takes a report. False: there is no room, and the reader must send it again. */
  take(report: LocalReport): boolean {
    const known = this.#known.get(report.key);
    const waiting = this.#waiting.get(report.key);
    const isKnown = known?.digest === digestOf(report.body) && performance.now() - known.atMs < AGAIN_MS;
    if (waiting === undefined && isKnown) {
      this.counts.unchanged += 1;
      return true;
    }
    const bytes = this.#bytes + report.body.length - (waiting?.body.length ?? 0);
    const isFull = (waiting === undefined && this.#waiting.size >= MAX_WAITING) || bytes > MAX_WAITING_BYTES;
    if (isFull || waiting !== undefined) this.counts.dropped += 1;
    if (isFull) return false;
    this.#bytes = bytes;
    this.#waiting.set(report.key, report);
    this.#send();
    return true;
  }

  #send(): void {
    while (this.#sending < IN_FLIGHT && this.#waiting.size > 0 && !this.stop.aborted) {
      this.#sending += 1;
      void this.#sendNext().finally(() => {
        this.#sending -= 1;
        this.#send();
      });
    }
  }

  async #sendNext(): Promise<void> {
    const pauseMs = this.#pausedUntilMs - performance.now();
    if (pauseMs > 0) await sleep(pauseMs, this.stop);
    const [report] = this.#waiting.values();
    if (report === undefined || this.stop.aborted) return;
    this.#waiting.delete(report.key);
    this.#bytes -= report.body.length;
    const signal = AbortSignal.any([this.stop, AbortSignal.timeout(TIMEOUT_MS)]);
    const headers = { "Content-Type": "application/json" };
    const answer = await this.upstream.post(report.path, headers, report.body, signal).catch(() => null);
    if (answer !== null && answer.status < 300) this.#delivered(report);
    else if (answer !== null && answer.status < 500 && answer.status !== 429) this.#refused(report);
    else this.#failed(report, answer?.retryAfterSeconds ?? 0);
  }

  #delivered({ key, body }: LocalReport): void {
    this.#backoff.reset();
    this.counts.forwarded += 1;
    this.#remember(key, body);
  }

  /** Asked again at once, the server would refuse it again. */
  #refused({ key, body }: LocalReport): void {
    this.counts.refused += 1;
    this.#remember(key, body);
  }

  #failed(report: LocalReport, retryAfterSeconds: number): void {
    const pauseMs = retryAfterMs(retryAfterSeconds) + this.#backoff.nextMs();
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, performance.now() + pauseMs);
    // A newer one took its place meanwhile.
    if (this.#waiting.has(report.key)) return;
    this.#waiting.set(report.key, report);
    this.#bytes += report.body.length;
  }

  #remember(key: string, body: string): void {
    this.#known.delete(key);
    this.#known.set(key, { digest: digestOf(body), atMs: performance.now() });
    if (this.#known.size > MAX_KNOWN) this.#known.delete([...this.#known.keys()][0] ?? "");
  }
}

/** Of ten thousand instances the texts would be most of the agent's memory. */
function digestOf(body: string): string {
  return createHash("sha256").update(body).digest("base64");
}
