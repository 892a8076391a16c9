import { AppError } from "../../core/error.js";
import { sleep, waitFor } from "../../core/schedule/wait.js";
import type { ChangeFeed, ChangeFollower } from "../change-feed.js";
import { HighWaterMarks } from "../high-water-marks.js";
import { changeOf, COMMIT_KIND } from "./commit-log.js";
import type { DirectClient, Pools } from "./connect.js";
import { stateOf } from "./errors.js";

/** The channel of NOTIFY; the payload is the id of the node that changed something. */
const CHANNEL = "signet_changes";

/** Between two looks while NOTIFY is heard, and while it is not. */
const LOOK_MS = 1_000;
const LOOK_DEAF_MS = 250;

/** A look takes so long at most: another one, on another connection, finds out more than the wait for one whose other end is gone. */
const LOOK_TIMEOUT_MS = 3_000;

/** Rows that are read at once. */
const PAGE = 1_000;

/** Rows that are kept: a node that is further behind reads everything again. */
const KEPT = 100_000;
const TRIM_EVERY_MS = 60_000;

/** A listener that is quiet is asked for a sign of life so often: a half-open connection tells nothing. */
const LISTENER_PROBE_MS = 10_000;
const PROBE_TIMEOUT_MS = 3_000;
const RECONNECT_MS = 500;

/** The numbers of the log's first and last row, 0 when it is empty. */
const ENDS =
  "select coalesce((select min(number) from node_changes), 0) as oldest, " +
  "coalesce((select max(number) from node_changes), 0) as newest";

/**
 * The timeline that the server writes, eight hexadecimal digits: another one since a standby was promoted, or since a restore to a point in
 * time. Fails on a standby. In one statement with the numbers, so that both are of one server.
 */
const TIMELINE = "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) as timeline";

interface Ends {
  readonly oldest: number;
  readonly newest: number;
  /** Null where the server does not tell, as some managed ones. */
  readonly timeline: string | null;
}

/**
 * Hears of other nodes' changes: looks into their log each second, which is the truth, and at once when NOTIFY says that there is more.
 * Numbers of the log are in the order of the commits, since all writes are serial.
 *
 * A log and not counters, so that it is known what changed; and because it has everything, nothing in memory is dropped when the listener is
 * lost: the log is looked at more often until there is another one. What is kept is read again when the log itself has lost rows.
 */
export class PostgresFeed implements ChangeFeed, AsyncDisposable {
  readonly marks = new HighWaterMarks();
  readonly #pools: Pick<Pools, "read" | "connectDirect">;
  readonly #followers = new Set<ChangeFollower>();
  readonly #stopping = new AbortController();
  #heardAtMs = 0;
  #listenerLosses = 0;
  #last = 0;
  #timeline: string | null = null;
  #tellsTimeline = true;
  #listener: DirectClient | null = null;
  #trimmedAtMs = performance.now();
  #wake: () => void = () => undefined;
  #isWoken = false;
  #loops: Promise<unknown> = Promise.resolve();
  #telling: Promise<void> | null = null;
  #tellAgain = false;

  constructor(
    readonly nodeId: string,
    pools: Pick<Pools, "read" | "connectDirect">,
    /** Whether NOTIFY is sent and heard. Without, changes are heard of by looking alone. */
    private readonly notifies = true,
  ) {
    this.#pools = pools;
  }

  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  get listenerLosses(): number {
    return this.#listenerLosses;
  }

  follow(follower: ChangeFollower): Disposable {
    this.#followers.add(follower);
    return { [Symbol.dispose]: () => void this.#followers.delete(follower) };
  }

  /** From here on it hears of what is committed; to be called before anything is read that is then kept in memory. */
  async start(): Promise<void> {
    await this.#first();
    this.#loops = Promise.all([this.#lookAlways(), this.notifies ? this.#listenAlways() : null]);
  }

  /** Tells the other nodes that there are changes, after their commit. Calls that come meanwhile share the next NOTIFY. */
  tell(): void {
    if (!this.notifies) return;
    this.#tellAgain = true;
    this.#telling ??= this.#tellAll().finally(() => (this.#telling = null));
  }

  /** It is not known what was committed here: this node reads again what it keeps, as for another one's changes. */
  miss(): void {
    for (const follower of this.#followers) follower.missed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#look();
    await this.#loops;
    await this.#telling;
  }

  async #tellAll(): Promise<void> {
    while (this.#tellAgain && !this.#stopping.signal.aborted) {
      this.#tellAgain = false;
      // One that is lost costs the others a second.
      await this.#pools.read.query("select pg_notify($1, $2)", [CHANNEL, this.nodeId]).catch(() => undefined);
    }
  }

  #look(): void {
    this.#isWoken = true;
    this.#wake();
  }

  async #lookAlways(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      if (!this.#isWoken) {
        const pause = new AbortController();
        this.#wake = () => pause.abort();
        await sleep(this.#listener === null && this.notifies ? LOOK_DEAF_MS : LOOK_MS, pause.signal);
      }
      this.#isWoken = false;
      if (signal.aborted) return;
      // What is away comes back: the age of the last word tells.
      await this.#next().catch(() => undefined);
    }
  }

  async #first(): Promise<void> {
    const atMs = performance.now();
    const { newest, timeline } = await this.#ends();
    this.#last = newest;
    this.#timeline = timeline;
    this.#heardAtMs = atMs;
  }

  async #next(): Promise<void> {
    const atMs = performance.now();
    const { oldest, newest, timeline } = await this.#ends();
    const isOther = timeline !== this.#timeline;
    this.#timeline = timeline;
    // Rows that were not read are gone, or those that were: a standby without them was promoted.
    if (isOther || newest < this.#last || oldest > this.#last + 1) {
      this.#last = newest;
      this.miss();
    } else if (newest > this.#last) {
      await this.#read();
    }
    this.#heardAtMs = atMs;
    await this.#trim();
  }

  async #ends(): Promise<Ends> {
    if (this.#tellsTimeline) {
      try {
        return await this.#one<Ends>(`${ENDS}, ${TIMELINE}`);
      } catch (error) {
        // No such function, not for this role, not on this server. All else, as on a standby, is a look that failed.
        if (!/^(42|0A)/.test(stateOf(error) ?? "")) throw error;
        this.#tellsTimeline = false;
      }
    }
    return { ...(await this.#one<Omit<Ends, "timeline">>(ENDS)), timeline: null };
  }

  async #one<Row extends object>(sql: string): Promise<Row> {
    const [row] = await this.#ask<Row>(sql);
    if (row === undefined) throw new AppError("internal", "a statement that answers one row answered none");
    return row;
  }

  async #ask<Row extends object>(sql: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    const client = await this.#pools.read.connect();
    try {
      const query = { text: sql, values: [...values], query_timeout: LOOK_TIMEOUT_MS };
      return (await client.query<Row>(query)).rows;
    } finally {
      client.release();
    }
  }

  async #read(): Promise<void> {
    for (;;) {
      const rows = await this.#ask<{
        number: number;
        origin: string;
        kind: string;
        ref: string;
      }>("select number, origin, kind, ref from node_changes where number > $1 order by number limit $2", [
        this.#last,
        PAGE,
      ]);
      const others = rows.filter(({ origin, kind }) => origin !== this.nodeId && kind !== COMMIT_KIND);
      const changes = others.map(changeOf);
      if (changes.length > 0) for (const follower of this.#followers) follower.changed(changes);
      this.#last = rows.at(-1)?.number ?? this.#last;
      if (rows.length < PAGE) return;
    }
  }

  async #trim(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#trimmedAtMs < TRIM_EVERY_MS) return;
    this.#trimmedAtMs = nowMs;
    await this.#ask("delete from node_changes where number < $1", [this.#last - KEPT]);
  }

  async #listenAlways(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#listen().catch(() => undefined);
      if (this.#listener !== null && !signal.aborted) this.#listenerLosses += 1;
      this.#listener = null;
      await sleep(RECONNECT_MS, signal);
    }
  }

  /** Resolves when the connection is lost. */
  async #listen(): Promise<void> {
    const client = await this.#pools.connectDirect();
    const lost = new AbortController();
    const lose = () => lost.abort();
    this.#stopping.signal.addEventListener("abort", lose, { once: true });
    try {
      client.on("error", lose).on("end", lose);
      client.on("notification", ({ payload }) => {
        if (payload !== this.nodeId) this.#look();
      });
      const listening = client.query(`listen ${CHANNEL}`);
      if (!(await waitFor(listening, PROBE_TIMEOUT_MS, [lost.signal]))) return;
      this.#listener = client;
      // What was told before it listened.
      this.#look();
      while (!lost.signal.aborted && !this.#stopping.signal.aborted) {
        await sleep(LISTENER_PROBE_MS, lost.signal);
        if (lost.signal.aborted) return;
        const isAlive = await waitFor(client.query("select 1"), PROBE_TIMEOUT_MS, [lost.signal]);
        if (!isAlive) return;
      }
    } finally {
      this.#stopping.signal.removeEventListener("abort", lose);
      // Without a word: the other end may be gone, and would never answer.
      client.destroy();
    }
  }
}
