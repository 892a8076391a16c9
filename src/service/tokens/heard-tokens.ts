import { instantOf, type Clock } from "../../core/clock.js";
import { inChunks } from "../../core/schedule/in-steps.js";
import { sleep } from "../../core/schedule/wait.js";
import type { Principal, Token } from "../../core/token.js";
import type { Store } from "../../store/store.js";
import type { Sessions } from "../access/sessions.js";
import type { Wakeups } from "../changes/wakeups.js";
import { liveCredential } from "./authentication.js";
import type { ConsoleSessions } from "./console-sessions.js";
import type { TokenCache } from "./token-cache.js";

/** After a look that failed, since the database is away. */
const RETRY_MS = 500;

/** Rows that are asked for at once. */
const CHUNK = 500;

type Key = Pick<Principal, "tokenId" | "keyHash">;

/**
 * Does here what another node did with tokens and deletions: what is kept of them in memory is forgotten at once, and streams and held polls
 * that are over end as soon as it is read that they are. Tries again until it can be read.
 */
export class HeardTokens implements AsyncDisposable {
  readonly #changed = new Set<number>();
  #allTokens = false;
  #environments = false;
  #looking: Promise<void> | null = null;
  readonly #stopping = new AbortController();

  constructor(
    private readonly deps: {
      readonly store: Pick<Store, "read">;
      readonly clock: Clock;
      readonly cache: TokenCache;
      readonly sessions: Sessions;
      readonly consoleSessions: Pick<ConsoleSessions, "endStreams">;
      readonly wakeups: Wakeups;
    },
  ) {}

  /** These tokens were rotated or revoked. */
  changed(tokenIds: readonly number[]): void {
    if (tokenIds.length === 0) return;
    for (const id of tokenIds) this.#changed.add(id);
    this.deps.cache.drop(this.#changed);
    this.#look();
  }

  /** An organization, a project or an environment was deleted or changed, with the tokens that belong to it. */
  tenancyChanged(): void {
    this.deps.cache.drop(null);
    this.#environments = true;
    this.#look();
  }

  /** Anything may have changed. */
  missed(): void {
    this.#allTokens = true;
    this.tenancyChanged();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#looking;
  }

  #look(): void {
    this.#looking ??= this.#lookAll().finally(() => {
      this.#looking = null;
    });
  }

  async #lookAll(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted && (this.#changed.size > 0 || this.#allTokens || this.#environments)) {
      const { tokenIds, environmentIds } = this.deps.sessions.used;
      const tokens = new Set(this.#allTokens ? [...tokenIds, ...this.#changed] : this.#changed);
      const environments = this.#environments ? environmentIds : new Set<string>();
      this.#changed.clear();
      this.#allTokens = false;
      this.#environments = false;
      try {
        await inChunks([...tokens], CHUNK, (ids) => this.#endTokens(ids));
        await inChunks([...environments], CHUNK, (ids) => this.#endEnvironments(ids));
        // A sign-out is told as a change of its token.
        await this.deps.consoleSessions.endStreams();
      } catch {
        for (const id of tokens) this.#changed.add(id);
        this.#environments ||= environments.size > 0;
        await sleep(RETRY_MS, signal);
      }
    }
  }

  async #endTokens(ids: readonly number[]): Promise<void> {
    const { store, clock, cache, sessions } = this.deps;
    const asked = new Set(ids);
    const found = new Map<number, Token>((await store.read.tokensById(ids)).map((token) => [token.id, token]));
    const now = instantOf(clock.now());
    const endOf = ({ tokenId, keyHash }: Key) => {
      const token = found.get(tokenId);
      return token === undefined ? undefined : (liveCredential(token, keyHash, now) ?? undefined)?.endsAt;
    };
    cache.forget((principal) => asked.has(principal.tokenId) && endOf(principal) === undefined);
    sessions.endKeys(asked, endOf);
  }

  async #endEnvironments(ids: readonly string[]): Promise<void> {
    const { store, sessions, wakeups } = this.deps;
    const existing = await store.read.existingEnvironments(ids);
    const deleted = new Set(ids.filter((id) => !existing.has(id)));
    if (deleted.size === 0) return;
    sessions.endEnvironments(deleted);
    for (const id of deleted) wakeups.wake(id);
  }
}
