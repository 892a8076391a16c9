import { sleep } from "../../../core/schedule/wait.js";
import { createBackoff, type Backoff, type BackoffOptions } from "../../backoff.js";
import { delayAfter, GOOD_AFTER_MS } from "../../reconnect.js";
import { SignetError, toSignetError } from "../../signet-error.js";
import { Climb, type ClimbOptions } from "./climb.js";
import { mayBeThePath } from "./path-errors.js";
import { RungConnection } from "./rung-connection.js";
import { Refused } from "./refused.js";
import type { News, Position, Rung } from "./rung.js";
import type { TransportName } from "../runtime.js";

/** The way that worked last to a server, for all runtimes of a process that follow it. */
export interface PathMemory {
  works: TransportName | null;
}

/** What happens on a ladder: news, and how it is connected. */
export type LadderEvent =
  | News
  | { readonly type: "connected"; readonly transport: TransportName }
  /** The connection is over: the next attempt starts after `delayMs`. */
  | { readonly type: "waiting"; readonly delayMs: number; readonly error: SignetError }
  /** The connection stays: the next attempt starts after `delayMs`, unless something is accepted before. */
  | { readonly type: "staying"; readonly delayMs: number; readonly error: SignetError };

/** As long as a connection may be silent later. */
const MAX_FIRST_MS = 45_000;

/** The waits of a ladder. */
export interface LadderOptions extends ClimbOptions {
  readonly backoff: BackoffOptions;
  /** Between attempts to get something else than what was refused. */
  readonly refusalBackoff: BackoffOptions;
  readonly memory: PathMemory;
}

/**
 * Follows a server on the best way that the path to it lets through. A way that fails as if the path did not take it is left for the next
 * one: at once for one that never worked, at the second failure in a row for one that did. From a lower one it tries from time to time
 * whether a better one works.
 *
 * A connection that lived for less than a minute does not reset the waits, so that a server that accepts and drops is not hammered.
 */
export class Ladder {
  #at: number;
  /** Connections in a row that failed before their first message, by what may be the path. */
  #strikes = 0;
  /** Connections in a row that fell silent after their first message. */
  #silences = 0;
  /** Doubled when no way had a first message in time: then the server, or this process, is slow, and not the path. */
  #firstMs: number;
  #refusal: Error | null = null;
  #refused: Refused | null = null;
  readonly #backoff: Backoff;
  readonly #refusals: Backoff;

  constructor(
    private readonly rungs: readonly Rung[],
    private readonly options: LadderOptions,
  ) {
    const known = rungs.findIndex(({ name }) => name === options.memory.works);
    this.#at = Math.max(known, 0);
    this.#firstMs = options.firstMs;
    this.#backoff = createBackoff(options.backoff);
    this.#refusals = createBackoff(options.refusalBackoff);
  }

  /**
   * Says, before the next event is asked for, that the last news came to nothing. With a SignetError the connection failed, and is left.
   * Anything else is a refusal: the next attempt waits, longer each time. Until then the connection stays for what is newer, so that
   * something good is not missed for minutes after something bad.
   */
  refuse(reason: Error): void {
    this.#refusal = reason;
  }

  /** Says that news were accepted. */
  accept(): void {
    this.#refusals.reset();
    this.#refused?.clear();
  }

  /** Events until the signal aborts. Throws nothing. */
  async *follow(position: () => Position, signal: AbortSignal): AsyncGenerator<LadderEvent, void> {
    let better: RungConnection | null = null;
    while (!signal.aborted) {
      const rung = this.rungs[this.#at] as Rung;
      const refused: Refused = (this.#refused = new Refused(() => connection.leave()));
      const from = () => refused.after(position());
      const connection: RungConnection = better ?? new RungConnection(rung, from, signal, this.#firstMs);
      better = null;
      const climb = new Climb(this.rungs.slice(0, this.#at), this.options, (found) => {
        better = found;
        connection.leave();
      });
      let firstAtMs: number | null = null;
      let error = new SignetError("unavailable", "the server ended the stream");
      try {
        for await (const news of connection.news()) {
          if (firstAtMs === null) {
            firstAtMs = performance.now();
            this.options.memory.works = rung.name;
            this.#firstMs = this.options.firstMs;
            yield { type: "connected", transport: rung.name };
            climb.start(position, signal);
          }
          yield refused.has(news) ? { type: "alive" } : news;
          const staying = this.#stay(refused, news);
          if (staying !== null) yield staying;
          if (this.#refusal !== null) break;
        }
      } catch (thrown) {
        error = toSignetError(thrown);
      } finally {
        climb[Symbol.dispose]();
        refused.stop();
        connection.leave();
      }
      if (signal.aborted) (better as RungConnection | null)?.leave();
      if (signal.aborted) return;
      const next = this.#next(better, error, firstAtMs, refused);
      if (next === null) continue;
      yield { type: "waiting", ...next };
      await sleep(next.delayMs, signal);
    }
  }

  /** Stays on a connection that brought something refused, if it may; says how long. */
  #stay(refused: Refused, news: News): (LadderEvent & { readonly type: "staying" }) | null {
    const refusal = this.#refusal;
    if (refusal === null || refusal instanceof SignetError || !refused.mayStay(news)) return null;
    this.#refusal = null;
    const delayMs = this.#refusals.nextMs();
    refused.add(news, delayMs);
    return { type: "staying", delayMs, error: refusalError(refusal) };
  }

  /** Null: at once. */
  #next(better: RungConnection | null, ended: SignetError, firstAtMs: number | null, refused: Refused) {
    let error = ended;
    const refusal = this.#refusal;
    this.#refusal = null;
    if (better !== null) {
      this.#at = this.rungs.indexOf(better.rung);
      return null;
    }
    if (refusal instanceof SignetError) error = refusal;
    else if (refusal !== null) {
      return { delayMs: this.#refusals.nextMs(), error: refusalError(refusal) };
    } else if (refused.isDue) return null;
    if (firstAtMs !== null && performance.now() - firstAtMs >= GOOD_AFTER_MS) this.#backoff.reset();
    if (this.#isWrongRung(error, firstAtMs !== null) && this.#stepDown()) return null;
    return { delayMs: Math.max(delayAfter(error, this.#backoff), refused.leftMs), error };
  }

  #isWrongRung(error: SignetError, hadNews: boolean): boolean {
    if (hadNews) {
      this.#strikes = 0;
      this.#silences = error.code === "timeout" ? this.#silences + 1 : 0;
      return this.#silences >= 2;
    }
    const hasWorked = this.options.memory.works === this.rungs[this.#at]?.name;
    if (!mayBeThePath(error, hasWorked)) return false;
    this.#strikes += 1;
    return !hasWorked || this.#strikes >= 2;
  }

  /** False at the last one: the next attempt begins at the top again, after a wait. */
  #stepDown(): boolean {
    this.#strikes = 0;
    this.#silences = 0;
    this.#at = (this.#at + 1) % this.rungs.length;
    if (this.#at === 0) this.#firstMs = Math.min(2 * this.#firstMs, MAX_FIRST_MS);
    return this.#at > 0;
  }
}

function refusalError(refusal: Error): SignetError {
  return new SignetError("invalid", refusal.message, { cause: refusal });
}
