import { LRUCache } from "lru-cache";
import { parseRevision } from "../../bundle/opa/opa-manifest.js";
import type { Clock } from "../../core/clock.js";
import { AppError } from "../../core/error.js";
import { cleanText } from "../../core/printable.js";
import type { Principal } from "../../core/token.js";
import type { Store } from "../../store/store.js";
import { environmentOf } from "../access/access.js";
import type { OpaBundleStatus, OpaStatus } from "../documents/opa-reports.js";
import type { Documents } from "../documents/documents.js";
import type { Instances } from "../runtimes/instances.js";

const MAX_INSTANCE_CHARACTERS = 128;
const MAX_AGENT_CHARACTERS = 255;
const MAX_LABELS = 64;
const MAX_KEY_CHARACTERS = 63;
const MAX_VALUE_CHARACTERS = 255;
const MAX_REASON_CHARACTERS = 1_000;

/** Instances whose last status is remembered; one that was forgotten is written once more. */
const MAX_REMEMBERED = 50_000;

/** A status that says nothing new is written again after this time: an instance is live for five minutes after one. */
const RENEWED_MS = 60_000;

/** What failed on the way to the bundle (`download/download.go`), and says nothing of it. */
const REQUEST_FAILED = /^request failed: /;

const NO_STATUS: OpaStatus = { labels: {}, bundles: [] };

/** What an instance says, as the fleet view shows it. */
interface NamedReport {
  readonly instanceId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly agent: string | null;
  /** The sequence that it applied; null while it applied none of this environment. */
  readonly applied: number | null;
  /** Why it rejected what is active; null when it did not. */
  readonly rejection: string | null;
}

/** Takes what OPAs say of the bundles that they have into the fleet view. */
export class OpaStatuses {
  readonly #last = new LRUCache<string, { readonly report: string; readonly atMs: number }>({ max: MAX_REMEMBERED });

  constructor(
    private readonly deps: {
      readonly documents: Pick<Documents, "opaStatus">;
      readonly instances: Pick<Instances, "connected" | "report">;
      readonly store: Pick<Store, "read">;
      readonly clock: Clock;
    },
  ) {}

  /**
   * Takes the body of a status. `count` is called with the instance that it names, and may throw. A body without anything that is known is
   * fine; throws `malformed` for one that is no JSON, and `unavailable` when too many reports are waiting to be written.
   */
  async take(
    principal: Principal,
    body: Uint8Array,
    clientAddress: string,
    count: (instanceId: string) => Promise<void>,
  ): Promise<void> {
    const { documents, clock } = this.deps;
    const text = new TextDecoder().decode(body);
    const status = text === "" ? NO_STATUS : await documents.opaStatus(principal, text);
    const named = namedIn(status, clientAddress);
    await count(named.instanceId);
    const report: NamedReport = { ...named, ...(await this.#outcome(environmentOf(principal), status)) };
    const key = `${environmentOf(principal)} ${principal.tokenId} ${named.instanceId}`;
    const now = clock.now().getTime();
    const last = this.#last.get(key);
    const spelled = JSON.stringify(report);
    if (last?.report === spelled && now - last.atMs < RENEWED_MS && now >= last.atMs) return;
    await this.#write(principal, report, clientAddress);
    this.#last.set(key, { report: spelled, atMs: now });
  }

  async #write(principal: Principal, report: NamedReport, clientAddress: string): Promise<void> {
    const { instances } = this.deps;
    const { instanceId, labels, agent, applied, rejection } = report;
    if (applied === null && rejection === null) {
      instances.connected(principal, { instanceId, labels, userAgent: agent, clientAddress });
      return;
    }
    const about = { instanceId, labels, agent, clientAddress, deploymentId: "", keyIds: null };
    const state = rejection === null ? ("applied" as const) : ("rejected" as const);
    try {
      await instances.report(principal, { ...about, state, sequence: applied ?? 0, reason: rejection });
    } catch (thrown) {
      // A restore took what it had: the next status tells what is so then.
      if (!(thrown instanceof AppError) || thrown.code !== "invalid") throw thrown;
    }
  }

  /** What applied is its sequence; of a rejection it is that of what is active: OPA does not name what it could not activate. */
  async #outcome(environmentId: string, status: OpaStatus): Promise<Pick<NamedReport, "applied" | "rejection">> {
    const { read } = this.deps.store;
    const ours = bundleOf(status);
    if (ours === undefined) return { applied: null, rejection: null };
    const { error, activeRevision, name } = ours;
    if (error !== null && error.httpStatus === null && !REQUEST_FAILED.test(error.message)) {
      const environment = await read.environmentById(environmentId);
      const why = status.bundles.length > 1 ? `${name}: ${error.message}` : error.message;
      return { applied: environment?.sequence ?? 0, rejection: cleanText(why, MAX_REASON_CHARACTERS) };
    }
    const revision = parseRevision(activeRevision);
    if (revision === null) return { applied: null, rejection: null };
    const deployment = await read.deploymentBySequence(environmentId, revision.sequence);
    // The bundle of another environment, or of a history that is lost.
    const isOurs = deployment?.policyHash === revision.policyHash;
    return { applied: isOurs ? revision.sequence : null, rejection: null };
  }
}

/** The bundle that Signet made: an OPA may have others, and sends the status of all. */
function bundleOf({ bundles }: OpaStatus): OpaBundleStatus | undefined {
  const ours = bundles.filter(({ activeRevision }) => parseRevision(activeRevision) !== null);
  const candidates = ours.length > 0 ? ours : bundles;
  return candidates.find(({ error }) => error !== null && error.httpStatus === null) ?? candidates[0];
}

function namedIn({ labels }: OpaStatus, clientAddress: string): Pick<NamedReport, "instanceId" | "labels" | "agent"> {
  const { id, version, ...others } = labels;
  const shown = Object.entries(others).flatMap(([name, value]) => {
    const key = cleanText(name, MAX_KEY_CHARACTERS) ?? "";
    return key === "" || key === "__proto__" ? [] : [[key, cleanText(value, MAX_VALUE_CHARACTERS) ?? ""] as const];
  });
  const agent = version === undefined ? "opa" : `opa/${version}`;
  return {
    instanceId: cleanText(id ?? null, MAX_INSTANCE_CHARACTERS) || `opa@${clientAddress}`,
    labels: Object.fromEntries(shown.slice(0, MAX_LABELS)),
    agent: cleanText(agent, MAX_AGENT_CHARACTERS),
  };
}
