import { AppError } from "../../core/error.js";
import type { Principal } from "../../core/token.js";
import type { Cursor } from "../access/cursor.js";
import type { Freshness } from "../access/freshness.js";
import { visibleProject } from "../access/access.js";
import type { Sessions } from "../access/sessions.js";
import type { Authentication } from "../tokens/authentication.js";
import { EnvironmentHub, type HubDeps } from "./environment-hub.js";
import { EnvironmentReader } from "./environment-reader.js";
import { parseCursors } from "./environment-state.js";
import type { WatchScope } from "./read-states.js";
import type { EnvironmentsEvent, WatchTopic } from "./watch-event.js";

/** A hub is kept so long after its last reader, for those that come back by an event id. */
const KEPT_MS = 30_000;

/** A request to watch environments. */
export interface WatchEnvironmentsInput {
  /** Empty for all projects that the token sees. */
  readonly projectId: string;
  readonly topics: readonly WatchTopic[];
  /** Cursors as texts: `parseCursors`. */
  readonly after: readonly string[];
  /** The id of the last event: a revision, and the hub that it is of. */
  readonly lastEvent: Cursor | null;
  /** What budgets count it under: api/admission/admission-address.ts. */
  readonly addressKey: string;
}

interface Kept {
  readonly hub: EnvironmentHub;
  timer: NodeJS.Timeout | null;
}

/** Watches of the environments of an organization or a project, for those who look at them. */
export class EnvironmentWatches implements AsyncDisposable {
  readonly #hubs = new Map<string, Kept>();
  #isClosed = false;

  constructor(
    private readonly deps: HubDeps & {
      readonly authentication: Authentication;
      readonly sessions: Sessions;
      readonly freshness: Freshness;
      readonly heartbeatMs: number;
    },
  ) {}

  /**
   * The events of a watch; each is made when it is asked for. Throws `forbidden` for a runtime token and for a topic that the token may
   * not follow, `not_found` for a project that it does not see, `conflict` ("too_many_environments"), `rate_limited` when too many streams
   * are open. Ends by throwing `unauthenticated` when the token stops, `not_found` when the project is deleted, `unavailable` on shutdown,
   * and the signal's reason.
   */
  async *watch(
    principal: Principal,
    input: WatchEnvironmentsInput,
    signal: AbortSignal,
  ): AsyncGenerator<EnvironmentsEvent> {
    requireAllowed(principal, input.topics);
    const projectId = input.projectId === "" ? principal.projectId : input.projectId;
    if (projectId !== null) await visibleProject(this.deps.read, principal, projectId);
    signal.throwIfAborted();
    const kept = this.#keptOf({ orgId: principal.orgId, projectId });
    const reader = new EnvironmentReader(kept.hub, [...new Set(input.topics)], this.deps);
    kept.hub.add(reader);
    try {
      using lease = this.deps.sessions.enter("stream", principal, null, input.addressKey, reader);
      // After the lease was taken: a revocation from here on finds it.
      lease.endBy(await this.deps.authentication.recheck(principal));
      await kept.hub.loaded;
      const { lastEvent } = input;
      const revision = lastEvent?.afterDeploymentId === kept.hub.id ? lastEvent.afterSequence : null;
      reader.begin({ cursors: parseCursors(input.after), revision });
      for (;;) yield await reader.next(signal);
    } finally {
      kept.hub.delete(reader);
      this.#release(kept);
    }
  }

  /** Ends what the hubs read. Watches have ended before. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const kept = [...this.#hubs.values()];
    this.#hubs.clear();
    for (const { timer } of kept) if (timer !== null) clearTimeout(timer);
    await Promise.all(kept.map(({ hub }) => hub[Symbol.asyncDispose]()));
  }

  #keptOf(scope: WatchScope): Kept {
    if (this.#isClosed) throw new AppError("unavailable", "the server is shutting down");
    const key = keyOf(scope);
    const known = this.#hubs.get(key);
    if (known !== undefined) {
      if (known.timer !== null) clearTimeout(known.timer);
      known.timer = null;
      return known;
    }
    const kept: Kept = { hub: new EnvironmentHub(scope, this.deps, () => this.#close(kept)), timer: null };
    this.#hubs.set(key, kept);
    // The next one tries again.
    kept.hub.loaded.catch(() => this.#close(kept));
    return kept;
  }

  #release(kept: Kept): void {
    if (kept.hub.readers > 0 || kept.timer !== null || this.#hubs.get(keyOf(kept.hub.scope)) !== kept) return;
    kept.timer = setTimeout(() => this.#close(kept), KEPT_MS).unref();
  }

  #close(kept: Kept): void {
    const key = keyOf(kept.hub.scope);
    if (this.#hubs.get(key) === kept) this.#hubs.delete(key);
    void kept.hub[Symbol.asyncDispose]();
  }
}

function keyOf({ orgId, projectId }: WatchScope): string {
  return `${orgId} ${projectId ?? ""}`;
}

function requireAllowed({ keyType, scopes }: Principal, topics: readonly WatchTopic[]): void {
  if (keyType === "runtime") {
    throw new AppError("forbidden", "a runtime token follows its environment with watchBundle");
  }
  const isAdmin = scopes.includes("org:admin");
  if (topics.includes("deliveries") && !isAdmin) {
    throw new AppError("forbidden", 'the topic "deliveries" needs the scope org:admin, which this token does not have');
  }
  if (topics.includes("audit") && !isAdmin && !scopes.includes("audit:read")) {
    throw new AppError("forbidden", 'the topic "audit" needs the scope audit:read, which this token does not have');
  }
}
