import { timingSafeEqual } from "node:crypto";
import { addSeconds, instantOf, type Clock, type Instant } from "../../core/clock.js";
import { AppError, invalidField, notFound } from "../../core/error.js";
import type { Environment, Project } from "../../core/organization.js";
import { isLive, SCOPES, type KeyType, type KnownToken, type Principal, type Token } from "../../core/token.js";
import { isUuid } from "../../core/uuid.js";
import type { Listed } from "../../store/page.js";
import type { Reader, Store, Writer } from "../../store/store.js";
import { actorOf, type Audit } from "../audit/audit.js";
import { keyFor, type GivenKey } from "./given-key.js";
import type { ServiceWarnings } from "../changes/observers.js";
import type { Outbox } from "../changes/outbox.js";
import { hashRawKey, type RawKey } from "./raw-key.js";
import type { Sessions } from "../access/sessions.js";
import type { TokenCache } from "./token-cache.js";
import { tokenEvent } from "./token-events.js";
import type { TokenUse } from "./token-use.js";

/** A new or rotated token with its secret, which is shown once. */
export interface IssuedToken {
  readonly token: Token;
  /** Empty when the caller made the key. */
  readonly rawKey: string;
}

/** What every kind of token may be made with. */
export interface TokenOptions extends GivenKey {
  readonly name: string | null;
  readonly expiresInDays: number | null;
}

export interface WhoAmI {
  readonly principal: Principal;
  /** The name of a runtime token's environment. */
  readonly environment: string | null;
}

/** Last use is kept to the minute. */
const USE_NOTED_EVERY_MS = 60_000;

/** Makes, changes and checks tokens. */
export class Tokens {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly sessions: Sessions;
      readonly cache: TokenCache;
      readonly use: TokenUse;
      readonly outbox: Outbox;
      readonly warnings: Pick<ServiceWarnings, "foreignKey">;
    },
  ) {}

  /** As `authenticate`, for a token that is in memory; undefined for every other one, good or bad. */
  known(rawKey: string): Principal | undefined {
    return this.#known(hashRawKey(rawKey));
  }

  /**
   * Who a raw key belongs to. Throws `unauthenticated`, with one text for a key that never was, one that expired and one that was
   * revoked; of the last two `onStopped` is told before.
   */
  async authenticate(rawKey: string, onStopped: (token: KnownToken) => void = () => undefined): Promise<Principal> {
    const { store, cache } = this.deps;
    const hash = hashRawKey(rawKey);
    const known = this.#known(hash);
    if (known !== undefined) return known;
    const { generation } = cache;
    const token = await store.read.tokenByHash(hash);
    const now = this.#now();
    const credential = token === null ? null : liveCredential(token, hash, now);
    if (token === null) throw invalidToken();
    if (credential === null) {
      onStopped({ tokenId: token.id, keyPrefix: token.keyPrefix, orgId: token.orgId });
      throw invalidToken();
    }
    const operator = await store.read.operatorOrganization();
    this.deps.use.seen(token.id, token.lastUsedAt, now);
    const principal: Principal = {
      tokenId: token.id,
      keyHash: hash,
      keyPrefix: token.keyPrefix,
      keyType: token.keyType,
      orgId: token.orgId,
      isOperator: token.keyType === "admin" && operator?.id === token.orgId,
      projectId: token.projectId,
      environmentId: token.environmentId,
      environments: token.environments,
      scopes: SCOPES[token.keyType],
      expiresAt: credential.endsAt,
    };
    const endsAtMs = principal.expiresAt === null ? Infinity : Date.parse(principal.expiresAt);
    cache.keep({ principal, endsAtMs, notedAtMs: this.deps.clock.monotonicMs() }, generation);
    return principal;
  }

  /**
   * For what is held open after the check: when the key that was sent stops working, as it stands now; null is never. Throws
   * `unauthenticated` when it stopped since, by revocation, rotation or time.
   */
  async recheck(principal: Principal): Promise<Instant | null> {
    const known = this.#known(principal.keyHash);
    if (known !== undefined) return known.expiresAt;
    const token = await this.deps.store.read.token(principal.orgId, principal.tokenId);
    const credential = token === null ? null : liveCredential(token, principal.keyHash, this.#now());
    if (credential === null) throw invalidToken();
    return credential.endsAt;
  }

  async whoAmI(principal: Principal): Promise<WhoAmI> {
    const { environmentId } = principal;
    const environment = environmentId === null ? null : await this.deps.store.read.environmentById(environmentId);
    return { principal, environment: environment?.name ?? null };
  }

  async createAdmin(caller: Principal, options: TokenOptions): Promise<IssuedToken> {
    return await this.#issue(caller, (tx) => this.issueIn(tx, caller.orgId, "admin", options));
  }

  async createCi(
    caller: Principal,
    options: TokenOptions & { readonly projectId: string; readonly environments: readonly string[] },
  ): Promise<IssuedToken> {
    return await this.#issue(caller, async (tx) => {
      const project = await projectOf(tx, caller.orgId, options.projectId);
      const names = new Set((await tx.environments(project.id)).map((environment) => environment.name));
      const unknown = options.environments.find((wanted) => !names.has(wanted));
      if (unknown !== undefined) throw invalidField(["environments"], `no such environment: "${unknown}"`, "unknown");
      const environments = [...new Set(options.environments)];
      return await this.issueIn(tx, caller.orgId, "ci", options, { projectId: project.id, environments });
    });
  }

  async createRuntime(
    caller: Principal,
    options: TokenOptions & { readonly projectId: string; readonly environmentId: string },
  ): Promise<IssuedToken> {
    return await this.#issue(caller, async (tx) => {
      const project = await projectOf(tx, caller.orgId, options.projectId);
      const { environmentId: wanted, name } = options;
      const environment = isUuid(wanted)
        ? await tx.environmentById(wanted.toLowerCase())
        : await tx.environment(project.id, wanted);
      if (environment?.projectId !== project.id) throw notFound("environment");
      const live = await tx.liveRuntimeTokens(environment.id, this.#now());
      if (live.some((token) => token.name === name)) {
        throw new AppError("conflict", runtimeKeyExists(environment, name), { reason: "runtime_key_exists" });
      }
      const { projectId, id: environmentId } = environment;
      return await this.issueIn(tx, caller.orgId, "runtime", options, { projectId, environmentId });
    });
  }

  async list(
    caller: Principal,
    filter: { projectId?: string; keyType?: KeyType; limit?: number; offset: number },
  ): Promise<Listed<Token>> {
    const { projectId, limit = 1000 } = filter;
    // A mistyped name would find no token, and look as if there were none.
    if (projectId !== undefined && !isUuid(projectId)) throw notFound("project");
    return await this.deps.store.read.tokens({ ...filter, orgId: caller.orgId, limit });
  }

  /** To a new key, or to one that the caller made and of which `keyHash` is the SHA-256. */
  async rotate(
    caller: Principal,
    id: number,
    graceSeconds: number,
    keyHash: string | null = null,
    refusesForeignKey = false,
  ): Promise<IssuedToken> {
    const { store, audit, sessions, cache, warnings } = this.deps;
    const graceEnd = addSeconds(this.#now(), graceSeconds);
    const issued = await store.write(async (tx) => {
      const token = await tx.token(caller.orgId, id);
      if (token === null) throw notFound("token");
      if (!isLive(token, this.#now())) throw new AppError("conflict", "the token is revoked or has expired");
      const { rawKey, keyPrefix, hash } = await keyFor(
        tx,
        caller.orgId,
        token.keyType,
        { keyHash, refusesForeignKey },
        warnings,
      );
      const rotated: Token = {
        ...token,
        keyPrefix,
        hash,
        previousHash: graceSeconds > 0 ? token.hash : null,
        previousExpiresAt: graceSeconds > 0 ? graceEnd : null,
      };
      await tx.updateToken(rotated);
      await audit.record(tx, caller.orgId, caller, {
        action: "token.rotated",
        resourceType: "token",
        resourceId: String(id),
        metadata: { from_prefix: token.keyPrefix, key_prefix: keyPrefix, grace_seconds: graceSeconds },
      });
      return { token: rotated, rawKey };
    });
    const endsAt = graceSeconds > 0 ? new Date(graceEnd) : null;
    cache.forget(({ tokenId }) => tokenId === id, endsAt);
    sessions.endToken(id, endsAt ?? undefined);
    return issued;
  }

  /** Revokes for ever; a second time changes nothing. */
  async revoke(caller: Principal, id: number): Promise<void> {
    const { store, audit, sessions, cache, outbox } = this.deps;
    await store.write(async (tx) => {
      const token = await tx.token(caller.orgId, id);
      if (token === null) throw notFound("token");
      if (token.revokedAt !== null) return;
      await tx.updateToken({ ...token, revokedAt: this.#now(), previousHash: null, previousExpiresAt: null });
      await audit.record(tx, caller.orgId, caller, {
        action: "token.revoked",
        resourceType: "token",
        resourceId: String(id),
        metadata: { key_prefix: token.keyPrefix, key_type: token.keyType },
      });
      await outbox.emit(tx, tokenEvent("token.revoked", token, actorOf(caller)));
    });
    cache.forget(({ tokenId }) => tokenId === id);
    sessions.endToken(id);
    outbox.committed();
  }

  /** Makes a token inside of another use case's transaction; the caller records it in the audit. */
  async issueIn(
    tx: Writer,
    orgId: string,
    keyType: KeyType,
    options: TokenOptions,
    target: { projectId?: string; environmentId?: string; environments?: readonly string[] } = {},
    given?: RawKey,
  ): Promise<IssuedToken> {
    const key = given ?? (await keyFor(tx, orgId, keyType, options, this.deps.warnings));
    const now = this.#now();
    const token = await tx.insertToken({
      orgId,
      keyType,
      projectId: target.projectId ?? null,
      environmentId: target.environmentId ?? null,
      environments: target.environments ?? [],
      name: options.name,
      keyPrefix: key.keyPrefix,
      hash: key.hash,
      previousHash: null,
      previousExpiresAt: null,
      expiresAt: options.expiresInDays === null ? null : addSeconds(now, options.expiresInDays * 86_400),
      revokedAt: null,
      createdAt: now,
      lastUsedAt: null,
    });
    return { token, rawKey: key.rawKey };
  }

  async #issue(caller: Principal, issue: (tx: Writer) => Promise<IssuedToken>): Promise<IssuedToken> {
    const issued = await this.deps.store.write(async (tx) => {
      const issued = await issue(tx);
      const { id, keyType, keyPrefix, name, projectId, environmentId, environments, expiresAt } = issued.token;
      await this.deps.audit.record(tx, caller.orgId, caller, {
        action: "token.created",
        resourceType: "token",
        resourceId: String(id),
        metadata: {
          key_prefix: keyPrefix,
          key_type: keyType,
          name,
          project_id: projectId,
          environment_id: environmentId,
          environments,
          expires_at: expiresAt,
        },
      });
      await this.deps.outbox.emit(tx, tokenEvent("token.created", issued.token, actorOf(caller)));
      return issued;
    });
    this.deps.outbox.committed();
    return issued;
  }

  #known(hash: string): Principal | undefined {
    const { cache, clock, use } = this.deps;
    const credential = cache.get(hash);
    if (credential === undefined) return undefined;
    const { principal } = credential;
    const nowMs = clock.now().getTime();
    if (credential.endsAtMs <= nowMs) return undefined;
    const monotonicMs = clock.monotonicMs();
    if (monotonicMs - credential.notedAtMs >= USE_NOTED_EVERY_MS) {
      credential.notedAtMs = monotonicMs;
      use.seen(principal.tokenId, null, this.#now());
    }
    return principal;
  }

  #now(): Instant {
    return instantOf(this.deps.clock.now());
  }
}

/** When this hash of the token stops working, where null is never; null when it does not work any more. */
function liveCredential(token: Token, hash: string, now: Instant): { readonly endsAt: Instant | null } | null {
  if (!isLive(token, now)) return null;
  if (equalHashes(token.hash, hash)) return { endsAt: token.expiresAt };
  const { previousHash, previousExpiresAt, expiresAt } = token;
  if (previousHash === null || previousExpiresAt === null || !equalHashes(previousHash, hash)) return null;
  if (previousExpiresAt <= now) return null;
  return { endsAt: expiresAt !== null && expiresAt < previousExpiresAt ? expiresAt : previousExpiresAt };
}

function equalHashes(kept: string, given: string): boolean {
  const [a, b] = [Buffer.from(kept, "hex"), Buffer.from(given, "hex")];
  return a.length === b.length && timingSafeEqual(a, b);
}

function invalidToken(): AppError {
  return new AppError("unauthenticated", "invalid or expired token");
}

async function projectOf(reader: Reader, orgId: string, id: string): Promise<Project> {
  const project = await reader.project(orgId, id);
  if (project === null) throw notFound("project");
  return project;
}

function runtimeKeyExists(environment: Environment, name: string | null): string {
  const which = name === null ? "a runtime token" : `a runtime token named "${name}"`;
  return `${environment.name} already has ${which}; rotate or revoke it, or use another name`;
}
