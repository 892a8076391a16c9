import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { AuditChangeSchema, WatchCurrentSchema, WatchedEnvironmentSchema } from "../../../gen/signet/v1/watch_pb.js";
import type { EnvironmentNews } from "../../../src/console/data/environment-news.js";
import { HIDDEN_MS, LiveTab, type LiveMessage } from "../../../src/console/data/live-tab.js";
import { streamNewsOf, type StreamNews } from "../../../src/console/data/stream-news.js";
import type { EnvironmentsEvent } from "../../../src/sdk/watch-environments.js";

/** The time of the first event. */
const START_MS = 10_000_000;
const HOUR_MS = 3_600_000;

/** A stream that a test feeds. */
class Feed {
  readonly #waiting: EnvironmentsEvent[] = [];
  #wake: () => void = () => undefined;
  #failure: Error | null = null;

  constructor(
    readonly of: number,
    readonly after: readonly string[],
    readonly signal: AbortSignal,
  ) {
    signal.addEventListener("abort", () => this.#wake());
  }

  push(event: EnvironmentsEvent): void {
    this.#waiting.push(event);
    this.#wake();
  }

  fail(error: Error): void {
    this.#failure = error;
    this.#wake();
  }

  async *events(): AsyncGenerator<StreamNews> {
    while (!this.signal.aborted) {
      const event = this.#waiting.shift();
      if (event !== undefined) yield streamNewsOf(event);
      else if (this.#failure !== null) throw this.#failure;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** Tabs of one browser: one lock, one channel, one clock. */
class Browser {
  readonly feeds: Feed[] = [];
  readonly statuses: string[] = [];
  readonly topics: string[][] = [];
  readonly news: EnvironmentNews[][] = [];
  readonly refused: unknown[] = [];
  readonly #tabs: LiveTab[] = [];
  readonly #timers: { readonly atMs: number; readonly call: () => void }[] = [];
  #locked: Promise<void> = Promise.resolve();
  #nowMs = START_MS;

  /** Streams that are open. */
  get open(): readonly Feed[] {
    return this.feeds.filter(({ signal }) => !signal.aborted);
  }

  tab(): LiveTab {
    const of = this.#tabs.length;
    this.topics[of] = [];
    this.news[of] = [];
    const tab = new LiveTab({
      lock: async (signal, held) => {
        const before = this.#locked;
        let release = () => {};
        this.#locked = new Promise((resolve) => (release = resolve));
        await before;
        try {
          if (!signal.aborted) await held();
        } finally {
          release();
        }
      },
      post: (message: LiveMessage) => {
        for (const other of this.#tabs) if (other !== tab) other.heard(message);
      },
      follow: (after, signal) => {
        const feed = new Feed(of, after, signal);
        this.feeds.push(feed);
        return feed.events();
      },
      later: (ms, call) => {
        const timer = { atMs: this.#nowMs + ms, call };
        this.#timers.push(timer);
        return () => void this.#timers.splice(this.#timers.indexOf(timer), 1);
      },
      nowMs: () => this.#nowMs,
      onStatus: (status) => (this.statuses[of] = status),
      onTopic: (topic) => void this.topics[of]?.push(topic),
      onNews: (news) => void this.news[of]?.push(news),
      onMissed: () => void this.topics[of]?.push("missed"),
      onRefused: (error) => {
        this.refused.push(error);
        tab.setSignedIn(false);
      },
    });
    this.#tabs.push(tab);
    return tab;
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    for (const timer of this.#timers.filter(({ atMs }) => atMs <= this.#nowMs)) timer.call();
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

function activation(id: string, sequence: number, atMs = START_MS): EnvironmentsEvent {
  const deployment = { sequence, at: timestampFromMs(atMs) };
  const value = create(WatchedEnvironmentSchema, { activated: true, cursor: `${id}:${sequence}:d:t`, deployment });
  return { type: "environment", value };
}

function current(): EnvironmentsEvent {
  return { type: "current", value: create(WatchCurrentSchema) };
}

function audited(id: number, atMs: number): EnvironmentsEvent {
  return { type: "audit", value: create(AuditChangeSchema, { id, createdAt: timestampFromMs(atMs) }) };
}

async function signedIn(count: number) {
  const browser = new Browser();
  const tabs = Array.from({ length: count }, () => browser.tab());
  for (const tab of tabs) tab.setSignedIn(true);
  await settled();
  return { browser, tabs };
}

describe("tabs that share a stream", () => {
  it("have one, of the first; all hear what it tells, and are live", async () => {
    const { browser } = await signedIn(8);
    expect(browser.open.map(({ of, after }) => [of, after])).toEqual([[0, []]]);
    expect(new Set(browser.statuses)).toEqual(new Set(["reconnecting"]));
    browser.open[0]?.push(activation("a", 1));
    await settled();
    expect(new Set(browser.statuses)).toEqual(new Set(["live"]));
    expect(browser.topics).toEqual(Array.from({ length: 8 }, () => ["activations", "environments"]));
  });

  it("tell a tab that comes later how the stream is", async () => {
    const { browser } = await signedIn(1);
    browser.open[0]?.push(activation("a", 1));
    await settled();
    browser.tab().setSignedIn(true);
    await settled();
    expect([browser.statuses, browser.open.length]).toEqual([["live", "live"], 1]);
  });

  it("hand it over when the first one is closed, with the cursors that all have", async () => {
    const { browser, tabs } = await signedIn(3);
    for (const event of [activation("a", 1), activation("b", 4), activation("a", 2)]) browser.open[0]?.push(event);
    await settled();
    tabs[0]?.close();
    await settled();
    expect(browser.open.map(({ of, after }) => [of, after])).toEqual([[1, ["a:2:d:t", "b:4:d:t"]]]);
    expect(browser.feeds[0]?.signal.aborted).toBe(true);
  });

  it("give it back after 30 s in which nobody sees them, and take it again", async () => {
    const { browser, tabs } = await signedIn(1);
    browser.open[0]?.push(activation("a", 1));
    await settled();
    tabs[0]?.setVisible(false);
    browser.pass(HIDDEN_MS - 1);
    await settled();
    expect([browser.open.length, browser.statuses]).toEqual([1, ["live"]]);
    browser.pass(1);
    await settled();
    expect([browser.open.length, browser.statuses]).toEqual([0, ["paused"]]);
    browser.topics[0] = [];
    tabs[0]?.setVisible(true);
    await settled();
    expect(browser.open.map(({ after }) => after)).toEqual([["a:1:d:t"]]);
    // What a screen shows may be old.
    expect(browser.topics[0]).toEqual(["missed"]);
  });

  it("keep it when a tab is hidden for a moment; and a visible one takes it from a hidden one", async () => {
    const { browser, tabs } = await signedIn(2);
    tabs[0]?.setVisible(false);
    tabs[0]?.setVisible(true);
    browser.pass(HIDDEN_MS);
    await settled();
    expect(browser.open.map(({ of }) => of)).toEqual([0]);
    tabs[0]?.setVisible(false);
    browser.pass(HIDDEN_MS);
    await settled();
    expect([browser.open.map(({ of }) => of), browser.statuses[0]]).toEqual([[1], "paused"]);
  });

  it("stop when it is refused, and say so; signed in again they go on without what the other one saw", async () => {
    const { browser, tabs } = await signedIn(1);
    browser.open[0]?.push(activation("a", 1));
    await settled();
    browser.open[0]?.fail(new Error("401"));
    await settled();
    expect([browser.refused.length, browser.open.length, browser.statuses]).toEqual([1, 0, ["signed-out"]]);
    tabs[0]?.setSignedIn(true);
    await settled();
    expect(browser.open.map(({ after }) => after)).toEqual([[]]);
  });

  it("say that they reconnect, in all tabs", async () => {
    const { browser } = await signedIn(2);
    browser.open[0]?.push(activation("a", 1));
    browser.open[0]?.push({ type: "reconnecting", attempt: 1, delayMs: 5, error: new Error("away") as never });
    await settled();
    expect(browser.statuses).toEqual(["reconnecting", "reconnecting"]);
  });

  it("take as news of the first stream what has just happened, and not what the page has read; all of it is told as a state", async () => {
    const { browser } = await signedIn(2);
    const old = START_MS - HOUR_MS;
    for (const event of [activation("a", 4, old), activation("b", 1), current(), audited(7, old)])
      browser.open[0]?.push(event);
    await settled();
    expect(browser.topics).toEqual(Array.from({ length: 2 }, () => ["activations", "environments"]));
    expect(browser.news.map((news) => news.map(({ kind }) => kind))).toEqual([
      ["state", "state"],
      ["state", "state"],
    ]);
    // From now on the time says nothing.
    for (const event of [audited(8, old), activation("a", 5, old)]) browser.open[0]?.push(event);
    await settled();
    expect(browser.topics[0]?.slice(2)).toEqual(["audit", "activations", "environments"]);
  });

  it("read everything again after a gap: a lost connection, another tab that takes over", async () => {
    const { browser, tabs } = await signedIn(2);
    browser.open[0]?.push(current());
    browser.open[0]?.push({ type: "reconnecting", attempt: 1, delayMs: 5, error: new Error("away") as never });
    await settled();
    expect(browser.topics).toEqual([[], []]);
    browser.open[0]?.push(current());
    await settled();
    expect(browser.topics).toEqual([["missed"], ["missed"]]);
    tabs[0]?.close();
    await settled();
    browser.open[0]?.push(current());
    await settled();
    expect(browser.topics[1]).toEqual(["missed", "missed"]);
  });
});
