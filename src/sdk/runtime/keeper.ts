import { signersIn } from "../../bundle/trust/threshold.js";
import { envelopeKeyId } from "../../bundle/envelope/dsse.js";
import { nameOfKey, ruleOf, type Root } from "../../bundle/trust/root.js";
import { STATEMENT_TYPE } from "../../bundle/trust/statement.js";
import { TrustError } from "../../bundle/trust/trust-error.js";
import { timeMs } from "../../bundle/trust/trust-time.js";
import { expiryOf, floorOf, parseTrustState, storedState, type TrustedState } from "../../bundle/trust/trust-state.js";
import { verifyUpdate, type TrustUpdate } from "../../bundle/trust/update.js";
import { verifyState, type VerifyTrustOptions } from "../../bundle/trust/verify-state.js";
import { parseContent, type ParsedContent } from "./parsed-content.js";
import { cacheName, type RuntimeCache } from "./runtime-cache.js";
import { proofOf, type RuntimeProof } from "./runtime-proof.js";
import type { CurrentPolicies, CurrentRelease } from "./runtime.js";
import type { News, Position } from "./ways/rung.js";

/** How a keeper verifies and stores. */
export interface KeeperOptions extends VerifyTrustOptions {
  readonly cache: RuntimeCache | undefined;
  readonly maxBytes: number;
  readonly now: () => Date;
}

/** Holds what was proven: verifies what comes, stores it, and says what is current by it. */
export class Keeper {
  #current: CurrentPolicies | null = null;
  #content: ParsedContent | null = null;
  /** The activation that `current` is of: a deployment's id is the server's choice, and may come again with something else. */
  #seen: string | null = null;
  #proof: { readonly of: TrustedState; readonly proof: RuntimeProof } | null = null;
  /** Why the cache failed last; null since it worked. */
  cacheError: unknown = null;

  private constructor(
    private readonly options: KeeperOptions,
    private trusted: TrustedState,
  ) {}

  /** Starts from what is stored, verified as if it came from a stranger. Without anything good there: from the pinned root. */
  static async open(pinned: Root, options: KeeperOptions): Promise<Keeper> {
    const { cache, identity } = options;
    let failure: unknown = null;
    const stored = await loadFrom(cache, cacheName(options.identity)).catch((thrown: unknown) => {
      failure = thrown;
      return null;
    });
    const check = await verifyState(stored?.state ?? null, pinned, stored?.content ?? null, options);
    const keeper = new Keeper({ ...options, identity }, check.trusted);
    keeper.cacheError = failure ?? check.error;
    if (check.content !== null && check.trusted.running !== null) {
      try {
        keeper.#content = parseContent(check.content, check.trusted.running.content);
      } catch (thrown) {
        keeper.cacheError = thrown;
        keeper.trusted = { ...check.trusted, running: null, isProven: false };
      }
    }
    await keeper.#see();
    return keeper;
  }

  /** What was proven last, also when the proof has run out since. */
  get current(): CurrentPolicies | null {
    return this.#current;
  }

  /** The envelopes of the state: the same object for as long as they are the same. */
  get proof(): RuntimeProof {
    const kept = this.#proof;
    if (kept?.of === this.trusted) return kept.proof;
    const proof = kept !== null && isSame(kept.of, this.trusted) ? kept.proof : proofOf(this.trusted);
    this.#proof = { of: this.trusted, proof };
    return proof;
  }

  /** The state that was verified. */
  get state(): TrustedState {
    return this.trusted;
  }

  /** From where the server is to go on. Without a proof for what runs: from nothing, so that it sends all again. */
  get position(): Position {
    const { activation, isProven, root } = this.trusted;
    const had = isProven && activation !== null ? activation.value : { sequence: 0, deploymentId: "" };
    return { sequence: had.sequence, deploymentId: had.deploymentId, rootVersion: root.version };
  }

  /**
   * Verifies news, and stores what they change.
   *
   * @returns why they were refused; null when they were not
   * @throws what the connection threw while more was asked for
   */
  async take(news: News & { readonly type: "proof" }): Promise<TrustError | null> {
    const { now } = this.options;
    let update = await verifyUpdate(this.trusted, news.source, { ...this.options, now: now() });
    if (update.error?.code === "malformed" && news.whole !== null) {
      update = await verifyUpdate(update.trusted, await news.whole(), { ...this.options, now: now() });
    }
    const before = this.trusted;
    const error = update.error ?? this.#adopt(update);
    if (error === null || update.error !== null) this.trusted = update.trusted;
    if (isSame(before, this.trusted)) return error;
    await this.#store();
    await this.#see();
    return error;
  }

  /** Parses the content of an activation; returns why it cannot be. */
  #adopt({ content, trusted: { running } }: TrustUpdate): TrustError | null {
    try {
      if (content !== null && running !== null) this.#content = parseContent(content, running.content);
      return null;
    } catch (thrown) {
      if (thrown instanceof TrustError) return thrown;
      throw thrown;
    }
  }

  async #store(): Promise<void> {
    const { cache } = this.options;
    if (cache === undefined) return;
    const { running, root } = this.trusted;
    const { sequence, issuedAt } = floorOf(this.trusted);
    const content =
      running === null || this.#content === null
        ? null
        : { digest: running.content, bytes: new TextEncoder().encode(this.#content.text) };
    const rank = [root.version, sequence, issuedAt === null ? 0 : timeMs(issuedAt)];
    const entry = { state: JSON.stringify(storedState(this.trusted)), content, rank };
    try {
      await cache.store(cacheName(this.options.identity), entry);
      this.cacheError = null;
    } catch (thrown) {
      this.cacheError = thrown;
    }
  }

  /** Makes `current` of the state. What a newer root no longer proves stays as it was: its proof has run out. */
  async #see(): Promise<void> {
    const { running, activation, isProven } = this.trusted;
    if (running === null || this.#content === null) {
      this.#current = null;
      this.#seen = null;
      return;
    }
    const provenUntil = new Date(timeMs(expiryOf(this.trusted) ?? LONG_AGO));
    if (activation === null || activation.digest !== running.activation) return;
    if (this.#current !== null && this.#seen === running.activation) {
      if (isProven) this.#current = { ...this.#current, provenUntil };
      return;
    }
    this.#seen = running.activation;
    const { sequence, version, deploymentId, kind, mediaType, activatedAt, content } = activation.value;
    const { policies, scopePolicies, text } = this.#content;
    this.#current = {
      ...{ policies, scopePolicies, content: text, hash: `sha256:${content}` },
      ...{ version, sequence, deploymentId, kind, mediaType, activatedAt: new Date(activatedAt) },
      release: await releaseOf(this.trusted, this.options),
      provenUntil,
    };
  }
}

/** The lease that was there is often told again, after each reconnect for one: that is not worth a write to the disk. */
function isSame(one: TrustedState, other: TrustedState): boolean {
  const envelopes = ({ lease, activation, release }: TrustedState) =>
    [lease, activation, release].map((held) => held?.envelope ?? "").join("\n");
  return one.roots === other.roots && one.isProven === other.isProven && envelopes(one) === envelopes(other);
}

const LONG_AGO = "1970-01-01T00:00:00Z";

async function loadFrom(cache: RuntimeCache | undefined, name: string) {
  const entry = (await cache?.load(name)) ?? null;
  return entry && { state: parseTrustState(entry.state), content: entry.content?.bytes ?? null };
}

async function releaseOf(trusted: TrustedState, { verifier }: KeeperOptions): Promise<CurrentRelease | null> {
  const { release, running, root, identity } = trusted;
  if (release === null || running?.release !== release.digest) return null;
  const { number, expiresAt, source } = release.value;
  const { keys } = ruleOf(root, "release", identity.environment);
  const signers = await signersIn(release.envelope, STATEMENT_TYPE, keys, verifier);
  const authors = signers.map((key) => nameOfKey(root, envelopeKeyId(key)) ?? key.keyId);
  return { number, authors, expiresAt: expiresAt === null ? null : new Date(expiresAt), source };
}
