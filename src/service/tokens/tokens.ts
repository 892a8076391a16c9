import { performedBy } from "../../core/actor.js";
import { addSeconds, instantOf, type Clock, type Instant } from "../../core/clock.js";
import { AppError, invalidField, notFound } from "../../core/error.js";
import { Semaphore } from "../../core/schedule/semaphore.js";
import type { Environment, Project } from "../../core/organization.js";
import { isLive, type KeyType, type Principal, type Token } from "../../core/token.js";
import { isUuid } from "../../core/uuid.js";
import type { Listed } from "../../store/page.js";
import type { Reader, Store, Writer } from "../../store/store.js";
import type { Audit } from "../audit/audit.js";
import { isForeign, keyFor, type GivenKey } from "./given-key.js";
import type { ServiceWarnings } from "../changes/observers.js";
import type { Outbox } from "../changes/outbox.js";
import type { KeptKey } from "./kept-key.js";
import { createRawKey, type RawKey } from "./raw-key.js";
import type { Sessions } from "../access/sessions.js";
import type { TokenCache } from "./token-cache.js";
import { tokenEvent } from "./token-events.js";

/** A new or rotated token with its raw key, which is shown once. */
export interface IssuedToken {
  readonly token: Token;
  /** Empty if the caller supplied the hash of its own key. */
  readonly rawKey: string;
  /** After a rotation: whether the file of KeptKey has the new key; absent for a token that is not kept there. */
  readonly isKept?: boolean;
}

/** Options of every type of token. */
export interface TokenOptions extends GivenKey {
  /** At most 100 characters; null for none. */
  readonly name: string | null;
  /** 1 to 3,650; null for unlimited. */
  readonly expiresInDays: number | null;
}

/** Creates, lists, rotates and revokes tokens; authentication.ts checks them. */
export class Tokens {
  /** Of rotations of what may be in the file of KeptKey. */
  readonly #keptKeyTurn = new Semaphore(1);

  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly sessions: Sessions;
      readonly cache: TokenCache;
      readonly outbox: Outbox;
      readonly warnings: Pick<ServiceWarnings, "foreignKey">;
      readonly keptKey: KeptKey;
    },
  ) {}

  /** Creates an admin token of the caller's organization. Throws `invalid` and `conflict`. */
  async createAdmin(caller: Principal, options: TokenOptions): Promise<IssuedToken> {
    return await this.#issue(caller, (tx) => this.issueIn(tx, caller.orgId, "admin", options));
  }

  /** Creates a ci token of a project, for some environments or (empty) all. Throws `invalid`, `not_found` and `conflict`. */
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

  /**
   * Creates a runtime token of an environment. Throws `conflict` (`runtime_key_exists`) if a valid one has the same name, and `invalid`
   * and `not_found`.
   */
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

  /**
   * Creates a token that reads the organization, or one project, and changes nothing; with `readsAudit` the audit too. Throws `invalid` for
   * the audit of one project, which there is not, `not_found` and `conflict`.
   */
  async createViewer(
    caller: Principal,
    options: TokenOptions & { readonly projectId: string | null; readonly readsAudit: boolean },
  ): Promise<IssuedToken> {
    const { projectId, readsAudit } = options;
    if (readsAudit && projectId !== null) {
      throw invalidField(["audit"], "the audit is the whole organization's: leave out project_id", "unsupported");
    }
    return await this.#issue(caller, async (tx) => {
      const project = projectId === null ? null : await projectOf(tx, caller.orgId, projectId);
      const target = project === null ? { readsAudit } : { readsAudit, projectId: project.id };
      return await this.issueIn(tx, caller.orgId, "viewer", options, target);
    });
  }

  /** Creates a token for GET /metrics, in the operator's organization. Throws `forbidden` in another one, `invalid` and `conflict`. */
  async createMetrics(caller: Principal, options: TokenOptions): Promise<IssuedToken> {
    return await this.#issue(caller, async (tx) => {
      const operator = await tx.operatorOrganization();
      if (operator?.id !== caller.orgId) {
        throw new AppError("forbidden", "metrics tokens belong to the operator's organization");
      }
      return await this.issueIn(tx, caller.orgId, "metrics", options);
    });
  }

  /** The tokens of the organization, newest first, including revoked ones. */
  async list(
    caller: Principal,
    filter: { projectId?: string; keyType?: KeyType; limit?: number; offset: number },
  ): Promise<Listed<Token>> {
    const { projectId, limit = 1000 } = filter;
    // A mistyped name would find no token, and look as if there were none.
    if (projectId !== undefined && !isUuid(projectId)) throw notFound("project");
    return await this.deps.store.read.tokens({ ...filter, orgId: caller.orgId, limit });
  }

  /** The names of those of the tokens that have one, for lists of what they did; at most 500 ids. */
  async names(ids: readonly number[]): Promise<ReadonlyMap<number, string>> {
    return await this.deps.store.read.tokenNames(ids);
  }

  /**
   * Replaces the key of a token: by a new one, or by the caller's own with the SHA-256 `keyHash`. The previous key is valid for
   * `graceSeconds` more. When the server keeps the key in a file (KeptKey), a new one is kept there too. Throws `not_found`, `invalid`,
   * `conflict` for a token that is not valid any more, and `unavailable` when that file cannot be written.
   */
  async rotate(
    caller: Principal,
    id: number,
    graceSeconds: number,
    keyHash: string | null = null,
    refusesForeignKey = false,
  ): Promise<IssuedToken> {
    const given = { keyHash, refusesForeignKey };
    if (!caller.isOperator || keyHash !== null) return await this.#rotate(caller, id, graceSeconds, given);
    // One at a time: the file has one successor.
    using _lease = await this.#keptKeyTurn.acquire();
    const { store, keptKey } = this.deps;
    const token = await store.read.token(caller.orgId, id);
    if (token === null || !keptKey.holds(token.hash)) return await this.#rotate(caller, id, graceSeconds, given);
    const key = createRawKey(token.keyType);
    keptKey.prepare(key.rawKey);
    const issued = await this.#rotate(caller, id, graceSeconds, given, key);
    return { ...issued, isKept: keptKey.replace() };
  }

  async #rotate(
    caller: Principal,
    id: number,
    graceSeconds: number,
    given: GivenKey,
    key?: RawKey,
  ): Promise<IssuedToken> {
    const { store, audit, sessions, cache } = this.deps;
    const graceEnd = addSeconds(this.#now(), graceSeconds);
    const issued = await store.write(async (tx) => {
      const token = await tx.token(caller.orgId, id);
      if (token === null) throw notFound("token");
      if (!isLive(token, this.#now())) throw new AppError("conflict", "the token is revoked or has expired");
      const { rawKey, keyPrefix, hash } = key ?? (await keyFor(tx, caller.orgId, token.keyType, given));
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
        metadata: {
          ...{ from_prefix: token.keyPrefix, key_prefix: keyPrefix, grace_seconds: graceSeconds },
          ...(await placeOf(tx, token)),
        },
      });
      return { token: rotated, rawKey };
    });
    const endsAt = graceSeconds > 0 ? new Date(graceEnd) : null;
    cache.forget(({ tokenId }) => tokenId === id, endsAt);
    sessions.endToken(id, endsAt ?? undefined);
    this.#tellForeign(issued);
    return issued;
  }

  /** Revokes a token, which cannot be undone, and ends its streams; repeating it changes nothing. Throws `not_found`. */
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
        metadata: { key_prefix: token.keyPrefix, key_type: token.keyType, ...(await placeOf(tx, token)) },
      });
      await outbox.emit(tx, tokenEvent("token.revoked", token, performedBy(caller)));
    });
    cache.forget(({ tokenId }) => tokenId === id);
    sessions.endToken(id);
    outbox.committed();
  }

  /** Creates a token in the transaction of another use case, which records it in the audit log. */
  async issueIn(
    tx: Writer,
    orgId: string,
    keyType: KeyType,
    options: TokenOptions,
    target: {
      projectId?: string;
      environmentId?: string;
      environments?: readonly string[];
      readsAudit?: boolean;
    } = {},
    given?: RawKey,
  ): Promise<IssuedToken> {
    const key = given ?? (await keyFor(tx, orgId, keyType, options));
    const now = this.#now();
    const token = await tx.insertToken({
      orgId,
      keyType,
      projectId: target.projectId ?? null,
      environmentId: target.environmentId ?? null,
      environments: target.environments ?? [],
      readsAudit: target.readsAudit ?? false,
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
      const { id, keyType, keyPrefix, name, projectId, environmentId, environments, expiresAt, readsAudit } =
        issued.token;
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
          ...(readsAudit ? { audit: true } : {}),
          expires_at: expiresAt,
          ...(await placeOf(tx, issued.token)),
        },
      });
      await this.deps.outbox.emit(tx, tokenEvent("token.created", issued.token, performedBy(caller)));
      return issued;
    });
    this.deps.outbox.committed();
    this.#tellForeign(issued);
    return issued;
  }

  /** After the commit: the transaction may fail, or run again. */
  #tellForeign({ token }: IssuedToken): void {
    if (isForeign(token)) this.deps.warnings.foreignKey(token.orgId, token.keyPrefix);
  }

  #now(): Instant {
    return instantOf(this.deps.clock.now());
  }
}

/** Where a token belongs: by this the audit finds its events. */
async function placeOf(
  reader: Reader,
  { projectId, environmentId }: Token,
): Promise<{ readonly project_id?: string; readonly environment?: string }> {
  const environment = environmentId === null ? null : await reader.environmentById(environmentId);
  return {
    ...(projectId === null ? {} : { project_id: projectId }),
    ...(environment === null ? {} : { environment: environment.name }),
  };
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
