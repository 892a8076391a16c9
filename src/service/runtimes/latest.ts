import type { Principal } from "../../core/token.js";
import { AppError, notFound } from "../../core/error.js";
import { environmentOf } from "../access/access.js";
import type { ActiveBundle, ActiveBundles } from "./active-bundles.js";
import { hasActivation, type Cursor } from "../access/cursor.js";
import type { Sessions } from "../access/sessions.js";
import type { Authentication } from "../tokens/authentication.js";
import type { ConnectedInstance, Instances } from "./instances.js";
import { MAX_WAIT_SECONDS } from "../../core/http/conditional-request.js";
import { waitFor } from "../../core/schedule/wait.js";
import type { RootDocuments } from "../trust/root-documents.js";
import type { Wakeups } from "../changes/wakeups.js";

/** A request for the active bundle, conditional or held. */
export interface LatestRequest extends Cursor {
  /** The entity tags of If-None-Match without quotes and `W/`; `*` is any. */
  readonly ifNoneMatch: readonly string[];
  /** How long to hold the request until the answer is another one; 0 answers at once. */
  readonly waitSeconds: number;
  /** Whether the wait ends early when the project gets another root, which the lease beside the answer names; false by default. */
  readonly tellsRoots?: boolean;
  /** The instance that asks; absent when it does not name itself. */
  readonly instance?: ConnectedInstance;
  readonly clientAddress: string;
}

/** The answer to such a request. */
export interface Latest {
  readonly active: ActiveBundle;
  /** The caller has it already: by a tag of If-None-Match, or else by its cursor. Null when not. */
  readonly known: "tag" | "cursor" | null;
}

/** Answers polls. */
export class LatestBundles {
  constructor(
    private readonly deps: {
      readonly active: ActiveBundles;
      readonly authentication: Authentication;
      readonly sessions: Sessions;
      readonly wakeups: Wakeups;
      readonly instances: Instances;
      readonly rootDocuments: Pick<RootDocuments, "changes">;
    },
  ) {}

  /** As `poll`. Throws `not_found` when nothing is active. */
  async latest(principal: Principal, request: LatestRequest, signal: AbortSignal): Promise<Latest> {
    const latest = await this.poll(principal, request, signal);
    if (latest === null) throw notFound("active bundle");
    return latest;
  }

  /**
   * What is active, and whether the caller has it; null while nothing is. With `waitSeconds` it waits while the caller has it, or nothing is
   * active, with `tellsRoots` until the project gets another root. Throws what ends a held poll, as Push.open.
   */
  async poll(principal: Principal, request: LatestRequest, signal: AbortSignal): Promise<Latest | null> {
    const environmentId = environmentOf(principal);
    const current = await this.#current(environmentId, request);
    if (request.waitSeconds <= 0 || current?.known === null) return current;

    const { authentication, sessions, wakeups, rootDocuments } = this.deps;
    const roots = rootDocuments.changes(principal.projectId ?? "");
    using session = sessions.open("poll", principal, environmentId, request.clientAddress);
    session.endBy(await authentication.recheck(principal));
    using _presence = this.#presence(principal, request.instance, session.signal);
    const end = performance.now() + Math.min(request.waitSeconds, MAX_WAIT_SECONDS) * 1000;
    for (;;) {
      using wakeup = wakeups.next(environmentId);
      if (session.signal.aborted) throw session.signal.reason;
      const now = await this.#current(environmentId, request);
      const leftMs = end - performance.now();
      if (now?.known === null || leftMs <= 0) return now;
      if (request.tellsRoots === true && rootDocuments.changes(principal.projectId ?? "") !== roots) return now;
      await waitFor(wakeup.woken, leftMs, [session.signal, signal]);
    }
  }

  /** The fleet view has a named instance as connected until the poll ends. */
  #presence(principal: Principal, instance: ConnectedInstance | undefined, ended: AbortSignal): Disposable | null {
    if (instance === undefined) return null;
    const watch = this.deps.instances.watch(principal, instance, true);
    watch.seen();
    const isShutdown = () => ended.reason instanceof AppError && ended.reason.code === "unavailable";
    return { [Symbol.dispose]: () => watch.ended(isShutdown()) };
  }

  async #current(environmentId: string, request: LatestRequest): Promise<Latest | null> {
    const active = await this.deps.active.readFrom(environmentId, newestIn(request));
    if (active === null) return null;
    if (request.ifNoneMatch.some((tag) => matches(tag, active))) return { active, known: "tag" };
    return { active, known: hasActivation(request, active.deployment) ? "cursor" : null };
  }
}

/** The entity tag of an activation, without quotes: it names the activation, so that a return to the same content is seen. */
export function entityTagOf({ deployment }: ActiveBundle): string {
  return `${deployment.policyHash}.${deployment.sequence}`;
}

/** The highest sequence that a caller says to have: by its cursor, and by the entity tags that it got. */
export function newestIn({ afterSequence, ifNoneMatch }: Pick<LatestRequest, "afterSequence" | "ifNoneMatch">): number {
  return Math.max(afterSequence, ...ifNoneMatch.map((tag) => Number(/\.(\d{1,10})$/.exec(tag)?.[1] ?? 0)));
}

/** The documented bare policy hash matches too, by content. */
function matches(tag: string, active: ActiveBundle): boolean {
  return tag === "*" || tag === entityTagOf(active) || tag === active.deployment.policyHash;
}
