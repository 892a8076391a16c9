import { nextTurn } from "../../core/schedule/in-steps.js";
import { instantOf, type Clock } from "../../core/clock.js";
import { cleanText } from "../../core/printable.js";
import { AppError, invalidField } from "../../core/error.js";
import { liveUntil, rolloutState, type RolloutState, type RuntimeInstance } from "../../core/runtime-instance.js";
import type { Principal } from "../../core/token.js";
import type { Listed } from "../../store/page.js";
import type { Reader, Store } from "../../store/store.js";
import { environmentOf, visibleEnvironment, type EnvironmentPath } from "../access/access.js";
import type { Nodes } from "../nodes/nodes.js";
import { heldBy, merge, NOTHING_TOLD, renewed, type Pending, type Seen } from "./instance-report.js";
import { Presence } from "./presence.js";

/** What an instance reports. */
export interface StatusReport {
  readonly instanceId: string;
  readonly state: "applied" | "rejected";
  readonly sequence: number;
  /** Empty when the instance does not name it. */
  readonly deploymentId: string;
  readonly reason: string | null;
  readonly agent: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** The ids of the bundle keys that it trusts; null when it does not tell. */
  readonly keyIds: readonly string[] | null;
  readonly clientAddress: string;
}

/** What the Znyx runtime sends after every poll, as far as the fleet view uses it. */
export interface HeartbeatReport {
  readonly reporter: string | null;
  /** Of a runtime that keeps it whole it tells the sequence. */
  readonly bundleEtag: string | null;
  readonly policyHash: string | null;
  readonly agent: string | null;
  readonly clientAddress: string;
}

/** An instance as the fleet view shows it. */
export interface InstanceView {
  readonly instance: RuntimeInstance;
  /** Activations since the applied one; null before the first report. */
  readonly behindBy: number | null;
  /** Where it stands with what is active. */
  readonly rollout: RolloutState;
  /** A watch of it is open in a server process that is there. */
  readonly isConnected: boolean;
  /** See `liveUntil` of core/runtime-instance.ts. */
  readonly isLive: boolean;
}

/** What a watch tells of its instance. */
export interface ConnectedInstance {
  readonly instanceId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly userAgent: string | null;
  readonly clientAddress: string;
}

/** An instance's part of an open watch. */
export interface InstanceWatch {
  /** The instance gave a sign of life; the first one says that the watch is open. */
  seen(): void;
  /** The watch is over. A server that shuts down leaves its instances live: they come back. */
  ended(isShutdown: boolean): void;
}

const MAX_AGENT_CHARACTERS = 255;
const MAX_REASON_CHARACTERS = 1000;
/** Of one token only the instances that were seen last are kept: a runtime that changes its name each time fills nothing. */
const KEPT_PER_TOKEN = 10_000;
/** Of more instances than this between two flushes reports are refused, to be sent again, and signs of life are dropped. */
const MAX_PENDING = 50_000;

/** Written in one transaction. */
const BATCH = 100;

/** At the end of an ETag, also of one to which a proxy that compresses added `-gzip`. */
const ETAG_SEQUENCE = /\.(\d{1,10})(?:(?:--?|;)[a-z]+)?"?(?:(?:--?|;)[a-z]+)?$/;

const POLICY_HASH = /sha256:[0-9a-f]{64}/;

/**
 * Which instances there are and what they applied. Reports are gathered and written together every second or so: a fleet reports
 * far more often than anybody looks, and what a crash loses is sent again.
 */
export class Instances {
  readonly #pending = new Map<string, Pending>();
  readonly #presence: Presence;
  /** Resolves when no write is under way. Never rejects. */
  #flushing: Promise<void> = Promise.resolve();

  constructor(private readonly deps: { readonly store: Store; readonly clock: Clock; readonly nodes: Nodes }) {
    this.#presence = new Presence(deps.nodes.id);
  }

  /** A watch that names its instance, or a held poll, whose end is no sign that the instance went away. */
  watch(principal: Principal, instance: ConnectedInstance, isPoll = false): InstanceWatch {
    const key = keyOf(principal, instance.instanceId);
    let isOpen = false;
    return {
      seen: () => {
        if (!isOpen) this.#presence.open(key, () => this.#put(principal, renewed(instance.instanceId), "renewed"));
        const opens = !isOpen;
        isOpen = true;
        this.connected(principal, instance, opens);
      },
      ended: (isShutdown) => {
        if (!isOpen) return;
        isOpen = false;
        if (!this.#presence.close(key) || isShutdown) return;
        if (isPoll) this.connected(principal, instance);
        else this.#put(principal, renewed(instance.instanceId), "ended");
      },
    };
  }

  /** An instance gave a sign of life without a report; with `opens` by opening a watch. */
  connected(
    principal: Principal,
    { instanceId, labels, userAgent, clientAddress }: ConnectedInstance,
    opens = false,
  ): void {
    // A User-Agent header may be longer than the fleet view shows.
    const shownAgent = cleanText(userAgent, MAX_AGENT_CHARACTERS);
    const seen = { ...NOTHING_TOLD, instanceId, labels, userAgent: shownAgent, source: clientAddress };
    this.#put(principal, seen, opens ? "opened" : "alive");
  }

  /** Keeps the instances live whose watches are open and show no sign of life. Called once a minute. */
  async renewPresence(): Promise<void> {
    await this.#presence.renew(this.deps.clock.now().getTime());
  }

  /**
   * What the fleet view shows of an instance, by what is active in its environment (null: nothing), the newest sequence there, and the
   * server processes that are there.
   */
  viewOf(
    instance: RuntimeInstance,
    activeSequence: number | null,
    newestSequence: number,
    connections: ReadonlySet<string>,
  ): InstanceView {
    const { appliedSequence, connection } = instance;
    const isLive = instance.liveUntil > instantOf(this.deps.clock.now());
    return {
      instance,
      // Below what it applied where history was lost.
      behindBy: appliedSequence === null ? null : Math.max(0, newestSequence - appliedSequence),
      rollout: rolloutState(instance, activeSequence),
      isConnected: isLive && connection !== null && connections.has(connection),
      isLive,
    };
  }

  /**
   * Returns the newest sequence of the environment. Texts of an instance are cut to what can be shown: a report of
   * a problem is not refused for its form. Throws `unavailable` when too many reports are waiting to be written.
   */
  async report(principal: Principal, report: StatusReport): Promise<number> {
    const { state } = report;
    const { read } = this.deps.store;
    const environmentId = environmentOf(principal);
    const environment = await read.environmentById(environmentId);
    const newest = environment?.sequence ?? 0;
    if (report.sequence > newest || (state === "applied" && report.sequence === 0)) {
      throw invalidField(["sequence"], `must be from 1 to ${newest}, the newest`, "range");
    }
    const about = report.sequence === 0 ? null : await read.deploymentBySequence(environmentId, report.sequence);
    if (about !== null && report.deploymentId !== "" && about.id !== report.deploymentId) {
      throw invalidField(["deployment_id"], `is not the activation of sequence ${report.sequence} here`, "unknown");
    }
    const applied = state === "applied" ? about : null;
    const { instanceId, labels, clientAddress } = report;
    const isKept = this.#put(principal, {
      ...{ instanceId, labels, userAgent: null, source: clientAddress, state },
      reason: cleanText(report.reason, MAX_REASON_CHARACTERS),
      agent: cleanText(report.agent, MAX_AGENT_CHARACTERS),
      reportedSequence: report.sequence,
      newestSequence: newest,
      keyIds: report.keyIds,
      appliedSequence: applied?.sequence ?? null,
      appliedVersion: applied?.version ?? null,
    });
    if (isKept) return newest;
    throw new AppError("unavailable", "too many reports are waiting to be written", { retryAfterSeconds: 5 });
  }

  /**
   * What the Znyx runtime sends. All of them call themselves the same, so the address belongs to the instance's name; and they tell
   * the policy hash where the ETag should stand, so the newest activation of that content is what they applied.
   */
  async heartbeat(principal: Principal, report: HeartbeatReport): Promise<void> {
    const { reporter, bundleEtag, policyHash, agent, clientAddress } = report;
    const { read } = this.deps.store;
    const environmentId = environmentOf(principal);
    const sequence = Number(ETAG_SEQUENCE.exec(bundleEtag ?? "")?.[1] ?? 0);
    const hash = POLICY_HASH.exec(bundleEtag ?? policyHash ?? "")?.[0] ?? null;
    const named = sequence > 0 ? await read.deploymentBySequence(environmentId, sequence) : null;
    const applied =
      (hash !== null && named?.policyHash === hash ? named : null) ??
      (hash === null ? null : await read.newestDeploymentOf(environmentId, hash));
    this.#put(principal, {
      instanceId: `${reporter === null || reporter === "" ? "runtime" : reporter}@${clientAddress}`,
      state: applied === null ? null : "applied",
      appliedSequence: applied?.sequence ?? null,
      appliedVersion: applied?.version ?? null,
      reportedSequence: null,
      newestSequence: null,
      keyIds: null,
      reason: null,
      agent: cleanText(agent, MAX_AGENT_CHARACTERS),
      userAgent: null,
      labels: {},
      source: clientAddress,
    });
  }

  async list(
    caller: Principal,
    path: EnvironmentPath,
    limit: number | undefined,
    offset: number,
    source?: string,
  ): Promise<Listed<InstanceView> & { limit: number }> {
    const { store, nodes } = this.deps;
    const { read } = store;
    const page = { limit: limit ?? 25, offset };
    const environment = await visibleEnvironment(read, caller, path);
    // What was reported a moment ago belongs to the answer; when it cannot be written now, the older state does.
    await this.flush().catch(() => undefined);
    const { rows, total } = await read.instances(environment.id, page, source);
    const active =
      environment.activeDeploymentId === null
        ? null
        : await read.deployment(environment.orgId, environment.activeDeploymentId);
    const live = await nodes.live();
    const views = rows.map((instance) => this.viewOf(instance, active?.sequence ?? null, environment.sequence, live));
    // A page may end early when its rows are large: a caller that adds the limit to the offset misses none.
    const isCut = views.length > 0 && page.offset + views.length < total;
    return { rows: views, total, limit: isCut ? views.length : page.limit };
  }

  /** Writes what was reported before the call, also what an earlier call is writing. Called every second and at shutdown. */
  async flush(): Promise<void> {
    const earlier = this.#flushing;
    const own = earlier.then(() => this.#flush());
    this.#flushing = own.catch(() => undefined);
    await own;
  }

  async #flush(): Promise<void> {
    if (this.#pending.size === 0) return;
    const reports = [...this.#pending];
    this.#pending.clear();
    try {
      while (reports.length > 0) {
        await this.#write(reports.slice(0, BATCH).map(([, report]) => report));
        reports.splice(0, BATCH);
        // A fleet that reconnects reports at once: other work has its turn in between.
        await nextTurn();
      }
    } catch (thrown) {
      // Kept for the next time, under whatever came in meanwhile.
      for (const [key, report] of reports) this.#pending.set(key, merge(report, this.#pending.get(key) ?? report));
      throw thrown;
    }
  }

  async #write(reports: readonly Pending[]): Promise<void> {
    const { store, nodes } = this.deps;
    const others = new Set(await nodes.live());
    others.delete(nodes.id);
    const elsewhere = await store.write(async (tx) => {
      const merged: RuntimeInstance[] = [];
      const held: string[] = [];
      const keptBefore = await keptOf(tx, reports);
      for (const report of reports) {
        const kept = keptBefore.get(keyAt(report)) ?? null;
        // Only what is stored: the newest sequence served to merge reports.
        const { state, lastSeen, newestSequence: _newest, opens: _opens, ...rest } = merge(kept, report);
        const { isElsewhere, ...holder } = heldBy(kept, report, others);
        if (isElsewhere) held.push(keyAt(report));
        // The end of a watch of an instance that is not kept any more.
        if (lastSeen !== null) merged.push({ ...rest, ...holder, lastSeen, state: state ?? "connected" });
      }
      await tx.putInstances(merged, KEPT_PER_TOKEN);
      return held;
    });
    for (const key of elsewhere) this.#presence.foundElsewhere(key);
  }

  /**
   * False when the limit is reached. `sign`: the instance is alive, it opened a watch, only its watch is known to be open, or its last
   * watch ended.
   */
  #put(principal: Principal, seen: Seen, sign: "alive" | "opened" | "renewed" | "ended" = "alive"): boolean {
    const { tokenId, keyPrefix } = principal;
    const environmentId = environmentOf(principal);
    const key = keyOf(principal, seen.instanceId);
    const before = this.#pending.get(key) ?? null;
    if (before === null && this.#pending.size >= MAX_PENDING) return false;
    const now = instantOf(this.deps.clock.now());
    const until = liveUntil(now, sign === "ended");
    const connection = this.#presence.connectionOf(key);
    const opens = sign === "opened";
    const lastSeen = opens || sign === "alive" ? now : null;
    this.#pending.set(
      key,
      merge(before, { ...seen, environmentId, tokenId, keyPrefix, lastSeen, connection, liveUntil: until, opens }),
    );
    this.#presence.keptUntil(key, Date.parse(until));
    return true;
  }
}

/** What is kept of the instances of these reports, by `keyAt`. One query for each token: most batches have one or a few. */
async function keptOf(
  tx: Pick<Reader, "instancesNamed">,
  reports: readonly Pending[],
): Promise<ReadonlyMap<string, RuntimeInstance>> {
  const groups = new Map<string, Pending[]>();
  for (const report of reports) {
    const group = `${report.environmentId} ${report.tokenId}`;
    groups.set(group, [...(groups.get(group) ?? []), report]);
  }
  const kept = new Map<string, RuntimeInstance>();
  for (const [first, ...others] of groups.values()) {
    if (first === undefined) continue;
    const names = [first, ...others].map(({ instanceId }) => instanceId);
    for (const instance of await tx.instancesNamed(first.environmentId, first.tokenId, names)) {
      kept.set(keyAt(instance), instance);
    }
  }
  return kept;
}

function keyOf(principal: Principal, instanceId: string): string {
  return keyAt({ environmentId: environmentOf(principal), tokenId: principal.tokenId, instanceId });
}

function keyAt({
  environmentId,
  tokenId,
  instanceId,
}: Pick<Pending, "environmentId" | "tokenId" | "instanceId">): string {
  return `${environmentId} ${tokenId} ${instanceId}`;
}
