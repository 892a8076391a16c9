import { LRUCache } from "lru-cache";
import { formatAttestation, formatRenewal } from "../../bundle/trust/attestation.js";
import { trustTime } from "../../bundle/trust/trust-time.js";
import type { Deployment } from "../../core/bundle.js";
import type { Clock } from "../../core/clock.js";
import { AppError, notFound } from "../../core/error.js";
import { SingleFlight } from "../../core/schedule/single-flight.js";
import type { Store } from "../../store/store.js";
import type { Freshness } from "../access/freshness.js";
import type { ServiceWarnings } from "../changes/observers.js";
import type { Wakeups } from "../changes/wakeups.js";
import type { Attester } from "./attester.js";
import type { KeptAttestations } from "./kept-attestations.js";
import { leaseTimes, type LeaseTimes } from "./lease-times.js";
import type { Proof, Proofs } from "./proofs.js";
import type { RootDocuments } from "./root-documents.js";

/** For all environments; what was not asked for longest is made again when it is. */
const MAX_CACHED_BYTES = 64 * 1024 * 1024;

/** The text, and what the wire keeps with it: frames and headers. */
const BYTES_PER_CHARACTER = 4;

/** Without the texts. */
const ENTRY_BYTES = 1024;

/** So long no proof is tried again of an environment that has none: the key or the database may be unusable for long. */
const FAILURE_KEPT_MS = 5_000;

/** What leases of one activation say: the same until something of the environment changes. */
interface Subject {
  readonly orgId: string;
  readonly projectId: string;
  readonly environment: string;
  /** Null while nothing is active. */
  readonly activation: { readonly envelope: string; readonly digest: string; readonly release: string | null } | null;
}

interface Kept {
  readonly deploymentId: string | null;
  readonly subject: Subject;
  readonly keyId: string;
  readonly proof: Proof;
  readonly times: LeaseTimes;
  /** Something of its environment changed since, or may have. It is served only while the database is away. */
  isOutdated: boolean;
}

/** A load under way, and whether it was overtaken by a change. */
interface Load {
  isOvertaken: boolean;
}

/**
 * The proofs of environments, signed when somebody asks for them. No timer: a lease that is due is signed when it is asked for next. What a
 * lease says is read once for each change of its environment, so that a renewal is a signature and reads nothing.
 *
 * None is signed while this process may not have heard of another one's activation; the last one is served until it runs out.
 */
export class ActivationProofs implements Proofs {
  readonly #kept = new LRUCache<string, Kept>({
    maxSize: MAX_CACHED_BYTES,
    sizeCalculation: ({ proof }) => proof.attestation.length * BYTES_PER_CHARACTER + ENTRY_BYTES,
  });
  /** By environment, until when no proof is made of it, in milliseconds of the monotonic clock. */
  readonly #failed = new LRUCache<string, number>({ max: 10_000 });
  readonly #loads = new Map<string, Set<Load>>();
  readonly #flights = new SingleFlight<string, Proof | null>();

  constructor(
    private readonly deps: {
      readonly store: Pick<Store, "read">;
      readonly clock: Clock;
      readonly attester: Attester;
      readonly attestations: KeptAttestations;
      readonly rootDocuments: RootDocuments;
      readonly freshness: Freshness;
      readonly warnings: Pick<ServiceWarnings, "unattested">;
      /** The life of a lease. */
      readonly leaseSeconds: number;
    },
    wakeups: Wakeups,
  ) {
    wakeups.invalidate({ forget: (id) => this.#forget(id), forgetAll: () => this.#forgetAll() });
  }

  peek(environmentId: string, deployment: Deployment | null): Proof | null | undefined {
    const kept = this.#kept.get(environmentId);
    const own = kept?.deploymentId === (deployment?.id ?? null) ? kept : undefined;
    if (own !== undefined && !this.#isDue(own)) return own.proof;
    // Another process may have activated something else.
    if (!this.deps.freshness.isCurrent) return this.#unexpired(own);
    const hasFailed = (this.#failed.get(environmentId) ?? 0) > this.deps.clock.monotonicMs();
    return hasFailed ? this.#unexpired(own) : undefined;
  }

  async of(environmentId: string, deployment: Deployment | null): Promise<Proof | null> {
    const known = this.peek(environmentId, deployment);
    if (known !== undefined) return known;
    const key = `${environmentId} ${deployment?.id ?? ""}`;
    return await this.#flights.run(key, async () => {
      try {
        return await this.#renewed(environmentId, deployment);
      } catch (thrown) {
        if (thrown instanceof AppError && thrown.code === "not_found") throw thrown;
        this.#failed.set(environmentId, this.deps.clock.monotonicMs() + FAILURE_KEPT_MS);
        if (!isAway(thrown)) this.deps.warnings.unattested(environmentId, thrown);
        return this.peek(environmentId, deployment) ?? null;
      }
    });
  }

  #forget(environmentId: string): void {
    const kept = this.#kept.peek(environmentId);
    if (kept !== undefined) kept.isOutdated = true;
    for (const load of this.#loads.get(environmentId) ?? []) load.isOvertaken = true;
  }

  #forgetAll(): void {
    for (const kept of this.#kept.values()) kept.isOutdated = true;
    for (const loads of this.#loads.values()) for (const load of loads) load.isOvertaken = true;
  }

  #isDue({ isOutdated, times, keyId }: Kept): boolean {
    const now = this.#nowMs;
    return isOutdated || now >= times.renewAtMs || now < times.startsAtMs || keyId !== this.deps.attester.keyId;
  }

  /** The last proof, as long as runtimes take its lease. */
  #unexpired(kept: Kept | undefined): Proof | null {
    return kept !== undefined && this.#nowMs < kept.times.expiresAtMs ? kept.proof : null;
  }

  async #renewed(environmentId: string, deployment: Deployment | null): Promise<Proof> {
    const kept = this.#kept.peek(environmentId);
    const { keyId } = this.deps.attester;
    const isUsable = kept?.deploymentId === (deployment?.id ?? null) && !kept.isOutdated && kept.keyId === keyId;
    const load: Load = { isOvertaken: false };
    const loads = this.#loads.get(environmentId) ?? new Set();
    this.#loads.set(environmentId, loads.add(load));
    try {
      const subject = isUsable ? kept.subject : await this.#subjectOf(environmentId, deployment);
      const { leaseSeconds } = this.deps;
      const times = leaseTimes(environmentId, leaseSeconds, deployment?.at ?? null, this.#nowMs);
      const proof = await this.#sign(subject, deployment?.sequence ?? 0, times);
      const isOutdated = load.isOvertaken;
      this.#kept.set(environmentId, { deploymentId: deployment?.id ?? null, subject, keyId, proof, times, isOutdated });
      return proof;
    } finally {
      loads.delete(load);
      if (loads.size === 0) this.#loads.delete(environmentId);
    }
  }

  async #sign(subject: Subject, sequence: number, times: LeaseTimes): Promise<Proof> {
    const { store, rootDocuments } = this.deps;
    const { orgId, projectId, environment, activation } = subject;
    const rootVersion = await rootDocuments.newestVersion(store.read, projectId);
    // What was read may have waited for the database until another process could activate something else unheard.
    if (!this.deps.freshness.isCurrent) throw new AppError("unavailable", "the database has fallen silent");
    const lease = await this.deps.attester.lease({
      ...{ orgId, projectId, environment, rootVersion, sequence, activation: activation?.digest ?? null },
      ...{ issuedAt: trustTime(times.issuedAtMs), expiresAt: trustTime(times.expiresAtMs) },
    });
    return {
      ...{ sequence, rootVersion, renewAtMs: times.renewAtMs },
      attestation: formatAttestation({
        ...{ lease, activation: activation?.envelope ?? null, release: activation?.release ?? null },
        proof: null,
      }),
      lease: formatRenewal(lease),
      header: Buffer.from(lease).toString("base64url"),
    };
  }

  async #subjectOf(environmentId: string, deployment: Deployment | null): Promise<Subject> {
    const { store, attestations } = this.deps;
    if (deployment === null) {
      const found = await store.read.environmentById(environmentId);
      if (found === null) throw notFound("environment");
      const { orgId, projectId, name } = found;
      return { orgId, projectId, environment: name, activation: null };
    }
    const { orgId, projectId, environment } = deployment;
    const { envelope, digest, releaseDigest } = await attestations.of(deployment);
    const release = releaseDigest === null ? null : await store.read.release(projectId, releaseDigest);
    const activation = { envelope, digest, release: release?.envelope ?? null };
    return { orgId, projectId, environment, activation };
  }

  get #nowMs(): number {
    return this.deps.clock.now().getTime();
  }
}

/** Whether the database is away, of which others tell. */
function isAway(thrown: unknown): boolean {
  return thrown instanceof AppError && thrown.code === "unavailable";
}
