import { describe, expect, it } from "vitest";
import { EventLoopQuota } from "../../../src/core/schedule/event-loop-quota.js";
import type { Deployment } from "../../../src/core/bundle.js";
import { AppError } from "../../../src/core/error.js";
import type { TrustRoot } from "../../../src/core/trust/trust-root.js";
import { Wakeups } from "../../../src/service/changes/wakeups.js";
import type { ActiveBundle, ActiveBundles } from "../../../src/service/runtimes/active-bundles.js";
import { Hub } from "../../../src/service/runtimes/hub.js";
import { RootUpdates } from "../../../src/service/runtimes/root-updates.js";
import { Subscriber, type PushContext, type WatchReader } from "../../../src/service/runtimes/subscriber.js";
import { activationEvent, type WatchEvent } from "../../../src/service/runtimes/watch.js";
import type { Proof, Proofs } from "../../../src/service/trust/proofs.js";

const NOW = { at: "2026-05-01T12:00:00.000Z", currentAt: null };
const ENVIRONMENT = { id: "environment", projectId: "project" };

/** What became active: only what a hub looks at. */
function active(sequence: number): ActiveBundle {
  return { deployment: { id: `d${sequence}`, sequence } as Deployment, document: "{}" };
}

function root(version: number): TrustRoot {
  const envelope = `{"version":${version}}`;
  return {
    projectId: "project",
    version,
    envelope,
    digest: "",
    expiresAt: NOW.at,
    publishedAt: NOW.at,
    publishedBy: "",
  };
}

/** One environment, with proofs that are due when the test says so. */
class Room {
  newest: ActiveBundle | null = active(1);
  roots: TrustRoot[] = [];
  /** How often a proof was made. */
  made = 0;
  /** What the test lets pass before a proof is there. */
  signing: Promise<void> = Promise.resolve();
  isDatabaseAway = false;
  readonly wakeups = new Wakeups();
  readonly hub: Hub;
  #proof: Proof | null | undefined;
  #now = { ...NOW };

  constructor() {
    const proofs: Proofs = {
      peek: () => this.#proof,
      of: async (_id, deployment) => {
        this.made += 1;
        await this.signing;
        const sequence = deployment?.sequence ?? 0;
        const lease = `lease ${sequence} ${this.made}`;
        const rootVersion = this.roots.at(-1)?.version ?? 0;
        return (this.#proof = { sequence, rootVersion, lease, header: lease, attestation: lease, renewAtMs: 0 });
      },
    };
    const read = {
      trustRootsAfter: (_id: string, version: number, limit: number) => {
        if (this.isDatabaseAway) return Promise.reject(new AppError("unavailable", "the database is away"));
        return Promise.resolve(this.roots.filter((one) => one.version > version).slice(0, limit));
      },
    };
    const { wakeups } = this;
    this.hub = new Hub(
      ENVIRONMENT,
      {
        active: { read: () => Promise.resolve(this.newest) } as Partial<ActiveBundles> as ActiveBundles,
        ...{ proofs, wakeups, roots: new RootUpdates(read, wakeups), quota: new EventLoopQuota(64) },
        observer: { behind: () => undefined, fed: () => undefined },
      },
      () => undefined,
    );
  }

  /** A new lease is due, as after a minute or a change. */
  outdate(): void {
    this.#proof = undefined;
  }

  /** As Push.open does, for a runtime with this root. */
  async open(rootVersion = 0): Promise<Reader> {
    const reader = new Reader();
    const context: PushContext = {
      ...{ heartbeatMs: 1_000, moment: () => ({ ...this.#now }) },
      ...{ behind: () => undefined, join: () => undefined, leave: () => undefined, drain: () => undefined },
    };
    const subscriber = new Subscriber(context, this.hub, reader, null, rootVersion);
    reader.subscriber = subscriber;
    this.hub.add(subscriber);
    const newest = this.newest ?? active(0);
    const proof = this.#proof ?? (await this.make());
    this.hub.learn(newest);
    const lacking = this.roots.filter(({ version }) => rootVersion !== 0 && version > rootVersion);
    subscriber.begin(
      activationEvent(newest, proof),
      lacking.map((one) => this.hub.rootEvent(one, 0, null)),
    );
    return reader;
  }

  /** One heartbeat of each of them, at another moment than the one before. */
  beat(...readers: readonly Reader[]): void {
    this.#now.at = new Date(Date.parse(this.#now.at) + 15_000).toISOString();
    for (const { subscriber } of readers) subscriber.beat({ ...this.#now });
  }

  /** Something changed, and the caches have forgotten it. */
  wake(): void {
    this.outdate();
    this.wakeups.wake(ENVIRONMENT.id);
  }

  private async make(): Promise<Proof> {
    const lease = `lease ${this.newest?.deployment.sequence ?? 0} ${(this.made += 1)}`;
    const sequence = this.newest?.deployment.sequence ?? 0;
    const rootVersion = this.roots.at(-1)?.version ?? 0;
    const proof = { sequence, rootVersion, lease, header: lease, attestation: lease, renewAtMs: 0 };
    return await Promise.resolve((this.#proof = proof));
  }
}

class Reader implements WatchReader {
  readonly events: WatchEvent[] = [];
  hasRoom = true;
  subscriber!: Subscriber;

  opened(): void {
    // Nothing to do.
  }

  send(event: WatchEvent): boolean {
    this.events.push(event);
    return this.hasRoom;
  }

  end(): void {
    // Nothing to do.
  }

  ask(): void {
    // Nothing to do.
  }

  /** As "activation 1: lease 1 1", "trust_root 2", "heartbeat 1". */
  get told(): readonly string[] {
    return this.events.map((event) => {
      const what = event.kind === "trust_root" ? event.root.version : event.sequence;
      return `${event.kind} ${what}${event.proof === null ? "" : `: ${event.proof.lease}`}`;
    });
  }
}

describe("leases in a watch", () => {
  it("are told once, and all that are due together get the same object", async () => {
    const room = new Room();
    const [one, other] = [await room.open(), await room.open()];
    room.beat(one, other);
    expect(one.told).toEqual(["activation 1: lease 1 1", "heartbeat 1"]);
    expect(other.events.at(-1)).toBe(one.events.at(-1));
  });

  it("are made once when they are due, and those that were due get one more heartbeat", async () => {
    const room = new Room();
    const readers = [await room.open(), await room.open(), await room.open()];
    const [one, other, third] = readers as [Reader, Reader, Reader];
    room.outdate();
    room.beat(one, other);
    // The heartbeat does not wait for it.
    expect(one.told).toEqual(["activation 1: lease 1 1", "heartbeat 1"]);
    await expect.poll(() => other.told).toHaveLength(3);
    expect([one.told.at(-1), other.told.at(-1), room.made]).toEqual([
      "heartbeat 1: lease 1 2",
      "heartbeat 1: lease 1 2",
      2,
    ]);
    room.beat(one, other, third);
    expect([one.told.at(-1), third.told.at(-1)]).toEqual(["heartbeat 1", "heartbeat 1: lease 1 2"]);
  });

  it("go with the next event to one who has no room", async () => {
    const room = new Room();
    const reader = await room.open();
    reader.hasRoom = false;
    room.beat(reader);
    room.outdate();
    room.beat(reader);
    expect(reader.told).toEqual(["activation 1: lease 1 1", "heartbeat 1"]);
    reader.hasRoom = true;
    reader.subscriber.ready();
    room.beat(reader);
    await expect.poll(() => reader.told.at(-1)).toBe("heartbeat 1: lease 1 2");
  });

  it("are not told of what is not active any more", async () => {
    const room = new Room();
    const reader = await room.open();
    let sign = () => {};
    room.signing = new Promise((resolve) => (sign = resolve));
    room.outdate();
    room.beat(reader);
    room.newest = active(2);
    room.wake();
    sign();
    await expect.poll(() => reader.told.at(-1)).toMatch(/^activation 2: lease 2/);
    expect(reader.told.filter((told) => told.startsWith("heartbeat 1:"))).toEqual([]);
  });
});

describe("roots in a watch", () => {
  it("go one by one to one who has little room, and the activation after them", async () => {
    const room = new Room();
    room.roots = [root(1), root(2), root(3)];
    const reader = await room.open(1);
    expect(reader.told).toEqual(["trust_root 2", "trust_root 3", "activation 1: lease 1 1"]);
    room.roots.push(root(4), root(5));
    const opened = await room.open(3);
    opened.hasRoom = false;
    room.roots.push(root(6), root(7));
    room.wake();
    await expect.poll(() => opened.told).toHaveLength(4);
    room.newest = active(2);
    room.wake();
    await expect.poll(() => reader.told.at(-1)).toMatch(/^activation 2/);
    expect(opened.told.slice(0, 4)).toEqual([
      "trust_root 4",
      "trust_root 5",
      "activation 1: lease 1 1",
      "trust_root 6",
    ]);
    for (let turns = 0; turns < 3; turns += 1) opened.subscriber.ready();
    await expect.poll(() => opened.told.at(-1)).toMatch(/^activation 2/);
    expect(opened.told.slice(4)).toEqual(["trust_root 7", expect.stringMatching(/^activation 2: /)]);
  });

  it("that are very many come in several pieces, and the lease by the newest at the end", async () => {
    const room = new Room();
    room.roots = [root(1)];
    const reader = await room.open(1);
    for (let version = 2; version <= 150; version += 1) room.roots.push(root(version));
    room.wake();
    await expect.poll(() => reader.told.at(-1)).toBe("heartbeat 1: lease 1 2");
    const versions = Array.from({ length: 149 }, (_, at) => `trust_root ${at + 2}`);
    const kinds = reader.told.slice(1).filter((told) => !told.startsWith("heartbeat"));
    expect(kinds).toEqual(versions);
    expect(reader.told).toHaveLength(151);
  });

  it("are offered when one is published, with a lease by it; to nobody who wants none", async () => {
    const room = new Room();
    room.roots = [root(1)];
    const [wants, other] = [await room.open(1), await room.open()];
    room.roots.push(root(2));
    room.wake();
    await expect.poll(() => wants.told).toHaveLength(3);
    expect(wants.told.slice(1)).toEqual(["trust_root 2", "heartbeat 1: lease 1 2"]);
    expect(other.told).toHaveLength(1);
    room.beat(wants, other);
    expect([wants.told.at(-1), other.told.at(-1)]).toEqual(["heartbeat 1", "heartbeat 1: lease 1 2"]);
  });

  it("that cannot be read hold up what needs them, not the stream: it beats, and gets them later", async () => {
    const room = new Room();
    room.roots = [root(1)];
    const reader = await room.open(1);
    room.roots.push(root(2));
    room.isDatabaseAway = true;
    room.newest = active(2);
    room.wake();
    const other = await room.open();
    await expect.poll(() => other.told.at(-1)).toMatch(/^activation 2/);
    room.beat(reader);
    await Promise.resolve();
    expect(reader.told).toEqual(["activation 1: lease 1 1"]);
    room.isDatabaseAway = false;
    room.beat(reader);
    await expect.poll(() => reader.told).toHaveLength(3);
    expect(reader.told.slice(1)).toEqual(["trust_root 2", expect.stringMatching(/^activation 2: lease 2/)]);
  });
});

describe("RootUpdates", () => {
  it("reads what it does not have, in pieces, and nothing twice", async () => {
    const asked: number[] = [];
    const all = Array.from({ length: 150 }, (_, at) => root(at + 1));
    const read = {
      trustRootsAfter: (_id: string, version: number, limit: number) => {
        asked.push(version);
        return Promise.resolve(all.slice(version, version + limit));
      },
    };
    const wakeups = new Wakeups();
    const updates = new RootUpdates(read, wakeups);
    const versions = async (from: number, newest: number | null) =>
      (await updates.after("project", from, newest)).map(({ version }) => version);
    expect(await versions(150, 150)).toEqual([]);
    expect(asked).toEqual([]);
    expect(await versions(2, 150)).toEqual(Array.from({ length: 64 }, (_, at) => at + 3));
    expect(asked).toEqual([2]);
    expect(await versions(50, 150)).toEqual(Array.from({ length: 64 }, (_, at) => at + 51));
    expect(asked).toEqual([2, 66]);
    expect(await versions(50, 90)).toHaveLength(40);
    expect(asked).toHaveLength(2);
    // It is not known which is the newest.
    expect(await versions(148, null)).toEqual([149, 150]);
    wakeups.forgetAll();
    expect(await versions(149, 150)).toEqual([150]);
    expect(asked.slice(2)).toEqual([148, 150, 149]);
  });
});
