import { setImmediate } from "node:timers/promises";
import { instantOf, type Clock } from "../core/clock.js";
import type { InstanceState, RuntimeInstance } from "../core/runtime-instance.js";
import type { Principal } from "../core/token.js";
import type { Listed } from "../store/page.js";
import type { Store } from "../store/store.js";
import { environmentOf, visibleEnvironment, type EnvironmentPath } from "./access.js";
import { FieldErrors, pageOf } from "./validate.js";

/** What an instance says it did. */
export interface StatusReport {
  readonly instanceId: string;
  readonly state: string;
  readonly sequence: number;
  readonly reason: string | null;
  readonly agent: string | null;
  readonly labels: Readonly<Record<string, string>>;
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
}

const MAX_AGENT_CHARACTERS = 255;
/** Of one token only the instances that were seen last are kept: a runtime that changes its name each time fills nothing. */
const KEPT_PER_TOKEN = 10_000;
/** Reports of more instances than this between two flushes are dropped; they come again. */
const MAX_PENDING = 50_000;

/** Written in one transaction. */
const BATCH = 100;

const POLICY_HASH = /sha256:[0-9a-f]{64}/;

/** What one report tells; null leaves what an earlier one told. */
interface Seen {
  readonly instanceId: string;
  readonly state: InstanceState | null;
  readonly appliedSequence: number | null;
  readonly appliedVersion: number | null;
  readonly reason: string | null;
  readonly agent: string | null;
  readonly userAgent: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly source: string | null;
}

/** Of a connection that says nothing more than that it is there. */
const NOTHING_TOLD = { state: null, appliedSequence: null, appliedVersion: null, reason: null, agent: null } as const;

/** A report that waits to be written. */
type Pending = Seen & Pick<RuntimeInstance, "environmentId" | "tokenId" | "keyPrefix" | "lastSeen">;

/**
 * Which instances there are and what they applied. Reports are gathered and written together every second or so: a fleet reports
 * far more often than anybody looks, and what a crash loses is sent again.
 */
export class Instances {
  readonly #pending = new Map<string, Pending>();

  constructor(private readonly deps: { readonly store: Store; readonly clock: Clock }) {}

  /** A watch was opened, or lives on. */
  connected(
    principal: Principal,
    seen: {
      readonly instanceId: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly userAgent: string | null;
      readonly clientAddress: string;
    },
  ): void {
    const { instanceId, labels, clientAddress } = seen;
    // A User-Agent header may be longer than the fleet view shows.
    const userAgent = seen.userAgent?.slice(0, MAX_AGENT_CHARACTERS) ?? null;
    this.#put(principal, { ...NOTHING_TOLD, instanceId, labels, userAgent, source: clientAddress });
  }

  /** Returns the newest sequence of the environment. */
  async report(principal: Principal, report: StatusReport): Promise<number> {
    const errors = new FieldErrors();
    errors.text(["instance_id"], report.instanceId, 128, 1);
    errors.text(["reason"], report.reason, 1000);
    errors.text(["agent"], report.agent, MAX_AGENT_CHARACTERS);
    errors.labels(report.labels);
    const state = report.state === "applied" || report.state === "rejected" ? report.state : null;
    if (state === null) errors.add(["state"], 'must be "applied" or "rejected"', "enum");
    const { read } = this.deps.store;
    const environmentId = environmentOf(principal);
    const environment = await read.environmentById(environmentId);
    const newest = environment?.sequence ?? 0;
    if (report.sequence > newest || (state === "applied" && report.sequence === 0)) {
      errors.add(["sequence"], `must be from 1 to ${newest}, the newest`, "range");
    }
    errors.throwIfAny();
    const applied = state === "applied" ? await read.deploymentBySequence(environmentId, report.sequence) : null;
    const { instanceId, reason, agent, labels, clientAddress } = report;
    this.#put(principal, {
      ...{ instanceId, reason, agent, labels, userAgent: null, source: clientAddress },
      state,
      appliedSequence: applied?.sequence ?? null,
      appliedVersion: applied?.version ?? null,
    });
    return newest;
  }

  /**
   * What the Znyx runtime sends. All of them call themselves the same, so the address belongs to the instance's name; and they tell
   * the policy hash where the ETag should stand, so the newest activation of that content is what they applied.
   */
  async heartbeat(principal: Principal, report: HeartbeatReport): Promise<void> {
    const { reporter, bundleEtag, policyHash, agent, clientAddress } = report;
    const errors = new FieldErrors();
    errors.text(["reporter"], reporter, 128);
    errors.text(["runtime_version"], agent, MAX_AGENT_CHARACTERS);
    errors.throwIfAny();
    const { read } = this.deps.store;
    const environmentId = environmentOf(principal);
    const sequence = Number(/\.(\d{1,10})"?$/.exec(bundleEtag ?? "")?.[1] ?? 0);
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
      reason: null,
      agent,
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
    const { read } = this.deps.store;
    const page = pageOf(limit, offset, 100, 25);
    const environment = await visibleEnvironment(read, caller, path);
    // What was reported a moment ago belongs to the answer; when it cannot be written now, the older state does.
    await this.flush().catch(() => undefined);
    const { rows, total } = await read.instances(environment.id, page, source);
    const views = rows.map((instance) => ({
      instance,
      behindBy: instance.appliedSequence === null ? null : environment.sequence - instance.appliedSequence,
    }));
    // A page may end early when its rows are large: who adds the limit to the offset misses none.
    const isCut = views.length > 0 && page.offset + views.length < total;
    return { rows: views, total, limit: isCut ? views.length : page.limit };
  }

  /** Writes what was reported. Called every second and at shutdown. */
  async flush(): Promise<void> {
    if (this.#pending.size === 0) return;
    const reports = [...this.#pending];
    this.#pending.clear();
    try {
      while (reports.length > 0) {
        await this.#write(reports.slice(0, BATCH).map(([, report]) => report));
        reports.splice(0, BATCH);
        // A fleet that comes back reports at once: others have their turn in between.
        await setImmediate();
      }
    } catch (thrown) {
      // Kept for the next time, under whatever came in meanwhile.
      for (const [key, report] of reports) this.#pending.set(key, merge(report, this.#pending.get(key) ?? report));
      throw thrown;
    }
  }

  async #write(reports: readonly Pending[]): Promise<void> {
    await this.deps.store.write(async (tx) => {
      const merged: RuntimeInstance[] = [];
      for (const report of reports) {
        const kept = await tx.instance(report.environmentId, report.tokenId, report.instanceId);
        merged.push({ ...merge(kept, report), state: report.state ?? kept?.state ?? "connected" });
      }
      await tx.putInstances(merged, KEPT_PER_TOKEN);
    });
  }

  #put(principal: Principal, seen: Seen): void {
    const { tokenId, keyPrefix } = principal;
    const environmentId = environmentOf(principal);
    const key = `${environmentId} ${tokenId} ${seen.instanceId}`;
    const before = this.#pending.get(key) ?? null;
    if (before === null && this.#pending.size >= MAX_PENDING) return;
    const lastSeen = instantOf(this.deps.clock.now());
    this.#pending.set(key, { environmentId, tokenId, keyPrefix, lastSeen, ...merge(before, seen) });
  }
}

/** The newer report over the older one: what it does not tell stays; a reason belongs to its state. */
function merge<T extends Seen>(older: Seen | null, newer: T): T {
  if (older === null) return newer;
  return {
    ...newer,
    state: newer.state ?? older.state,
    appliedSequence: newer.appliedSequence ?? older.appliedSequence,
    appliedVersion: newer.appliedVersion ?? older.appliedVersion,
    reason: newer.state === null ? older.reason : newer.reason,
    agent: newer.agent ?? older.agent,
    userAgent: newer.userAgent ?? older.userAgent,
    labels: Object.keys(newer.labels).length > 0 ? newer.labels : older.labels,
  };
}
