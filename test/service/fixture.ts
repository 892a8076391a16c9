import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach } from "vitest";
import { parseAllowList } from "../../src/outbound/allow-list.js";
import { StoreChanges } from "../../src/service/changes/store-changes.js";
import { composeServices } from "../../src/server/compose/services.js";
import type { Signer } from "../../src/bundle/signer.js";
import type { BundleState, PublishedBundle } from "../../src/core/bundle.js";
import type { Clock } from "../../src/core/clock.js";
import type { Environment } from "../../src/core/organization.js";
import type { Principal } from "../../src/core/token.js";
import { NO_TRACING } from "../../src/core/trace.js";
import { bootstrap } from "../../src/service/tenancy/bootstrap.js";
import { createAudit } from "../../src/service/audit/audit.js";
import { KeyRing } from "../../src/service/keys/key-ring.js";
import { keyEventRecorder } from "../../src/service/rotation/key-events.js";
import { keepPublicKeys } from "../../src/service/keys/key-records.js";
import type { EnvironmentPath } from "../../src/service/access/access.js";
import type { ChangeRequest } from "../../src/service/access/caller.js";
import { DEFAULT_DOCUMENTS } from "../../src/service/documents/documents.js";
import { NO_OBSERVERS, NO_WARNINGS, type WatchObserver } from "../../src/service/changes/observers.js";
import type { PublishInput } from "../../src/service/bundles/publishing.js";
import { NO_KEPT_KEY } from "../../src/service/tokens/kept-key.js";
import { createRawKey } from "../../src/service/tokens/raw-key.js";
import { HighWaterMarks } from "../../src/store/high-water-marks.js";
import type { ChangeFeed } from "../../src/store/change-feed.js";
import type { Store } from "../../src/store/store.js";
import { createFixtureDatabase, dropTriggers, type FixtureData, type FixtureDatabase } from "./fixture-database.js";

/** A clock that only the test moves. */
export class MovableClock implements Clock {
  #now = Date.parse("2026-05-01T12:00:00.000Z");
  #passedMs = 0;

  now(): Date {
    return new Date(this.#now);
  }

  monotonicMs(): number {
    return this.#passedMs;
  }

  advanceSeconds(seconds: number): void {
    this.#now += seconds * 1000;
    this.#passedMs += seconds * 1000;
  }

  /** As somebody sets it: no time passes. */
  jumpSeconds(seconds: number): void {
    this.#now += seconds * 1000;
  }
}

export const HOUR = 3600;
export const DAY = 24 * HOUR;

/** What a test does at a moment that it could not meet otherwise; each throws to make that step fail. */
export interface Moments {
  beforeBundleSignature: () => Promise<void> | void;
  beforeAuditSignature: () => Promise<void> | void;
  /** Between the read of an environment by its id and the answer. */
  afterEnvironmentRead: () => Promise<void> | void;
  /** Between the read of a token by its key and the answer. */
  afterTokenRead: () => Promise<void> | void;
}

function noMoments(): Moments {
  return { beforeBundleSignature() {}, beforeAuditSignature() {}, afterEnvironmentRead() {}, afterTokenRead() {} };
}

/** Every use case by its name, of whichever feature. */
type UseCases = ReturnType<typeof useCases>;

function useCases(...[context, options]: Parameters<typeof composeServices>) {
  const { documents, ...features } = composeServices(context, options);
  const { changes, keys, audit, rotation, tokens, tenancy, bundles, pipelines, runtimes, nodes, roots } = features;
  const { transfer, webhooks, trust, proofs, watches } = features;
  return {
    ...{
      ...changes,
      ...keys,
      ...audit,
      ...rotation,
      ...tokens,
      ...tenancy,
      ...bundles,
      ...pipelines,
      ...runtimes,
      ...nodes,
      ...{ ...roots, ...transfer, ...webhooks, ...trust },
      ...{ ...proofs, ...watches },
    },
    ...{ documents, clock: context.clock },
  };
}

/** All use cases over a store of the test's own, SQLite or PostgreSQL, after a first start. */
export class Fixture {
  directory = "";
  clock = new MovableClock();
  /** What whoever measures watches was told: how many are behind now, and how many changes were handed to all. */
  readonly watches = { behind: 0, fed: 0 };
  readonly moments = noMoments();
  /** What the operator was warned of: organizations, and key prefixes. */
  readonly foreignKeys: [orgId: string, keyPrefix: string][] = [];
  /** Environments whose active bundle was found damaged. */
  damaged: string[] = [];
  data!: FixtureData;
  database!: FixtureDatabase;
  services!: UseCases;
  /** Of the operator's organization. */
  admin!: Principal;
  orgId = "";
  projectId = "";

  /** @param isShared whether other nodes may use the database */
  constructor(private readonly isShared = false) {}

  get store(): Store {
    return this.data.store;
  }

  async open(): Promise<void> {
    this.foreignKeys.length = 0;
    this.directory = await mkdtemp(join(tmpdir(), "signet-service-"));
    this.database = await createFixtureDatabase(this.directory);
    Object.assign(this.moments, noMoments());
    this.clock = new MovableClock();
    this.damaged = [];
    await this.#assemble();
    const key = createRawKey("admin");
    const made = await bootstrap({ ...this.services, store: this.store }, key);
    if (made === null) throw new Error("a new directory that is not new");
    Object.assign(this, made);
    this.admin = await this.services.authentication.authenticate(key.rawKey);
  }

  #watchObserver(): WatchObserver {
    const { watches } = this;
    Object.assign(watches, { behind: 0, fed: 0 });
    return { behind: (change) => void (watches.behind += change), fed: () => void (watches.fed += 1) };
  }

  /** As a restart of the server: nothing in memory stays. */
  async reopen(): Promise<void> {
    await this.data[Symbol.asyncDispose]();
    await this.#assemble();
  }

  async close(): Promise<void> {
    await this.data[Symbol.asyncDispose]();
    await this.database.remove();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Changes the database past the store, which does not let anybody do it: one statement with `?` for values. */
  async tamper(statement: string, ...values: readonly (string | number)[]) {
    return await this.database.tamper(statement, ...values);
  }

  /** The same by many statements, for tests that are of SQLite alone. */
  tamperFile(change: (database: Database.Database) => void): void {
    const database = new Database(join(this.directory, "signet.db"));
    dropTriggers(database);
    change(database);
    database.close();
  }

  /** How many rows a table has. */
  async count(table: string): Promise<number> {
    const [row] = await this.database.tamper(`select count(*) as n from ${table}`);
    return Number(row?.["n"]);
  }

  /** The same of several tables. */
  async counts(...tables: readonly string[]): Promise<number[]> {
    const [row] = await this.database.tamper(
      `select ${tables.map((table, index) => `(select count(*) from ${table}) as n${index}`).join(", ")}`,
    );
    return tables.map((_, index) => Number(row?.[`n${index}`]));
  }

  change(options: Partial<ChangeRequest> = {}): ChangeRequest {
    return {
      principal: this.admin,
      idempotencyKey: null,
      ifSequence: null,
      skipUnchanged: false,
      dryRun: false,
      ...options,
    };
  }

  path(envName: string) {
    return { projectId: this.projectId, envName };
  }

  async publish(envName: string, policies: unknown = { n: 1 }, caller = this.change()): Promise<PublishedBundle> {
    const input = publishInput({ policies: JSON.stringify(policies) });
    return await this.services.publishing.publish(caller, this.path(envName), input);
  }

  async promote(envName: string, caller = this.change()): Promise<PublishedBundle> {
    return await this.services.publishing.promote(caller, this.path(envName), { promotedBy: null, reason: null });
  }

  async activate(envName: string, version: number, caller = this.change()): Promise<BundleState> {
    return await this.services.bundles.activate(caller, this.path(envName), version);
  }

  /** As before prod of a new project was protected from deletion. */
  async unprotect(path: EnvironmentPath): Promise<void> {
    await this.services.environments.update(this.admin, path, { protected: false });
  }

  async environment(envName: string): Promise<Environment> {
    return await this.services.environments.get(this.admin, this.path(envName));
  }

  /** A runtime token of an environment, and who it is. */
  async runtime(envName: string, options: { name?: string; expiresInDays?: number } = {}) {
    const { id: environmentId } = await this.environment(envName);
    const { name = null, expiresInDays = null } = options;
    const target = { projectId: this.projectId, environmentId, name, expiresInDays };
    const { token, rawKey } = await this.services.tokens.createRuntime(this.admin, target);
    return { token, rawKey, principal: await this.services.authentication.authenticate(rawKey) };
  }

  async ci(environments: readonly string[] = []): Promise<Principal> {
    const target = { projectId: this.projectId, environments, name: null, expiresInDays: null };
    const { rawKey } = await this.services.tokens.createCi(this.admin, target);
    return await this.services.authentication.authenticate(rawKey);
  }

  /** The first admin of another organization. */
  async foreigner(name = "foreign"): Promise<Principal> {
    const input = { name, plan: null, versionsPerEnvironment: null };
    const { adminToken } = await this.services.organizations.create(this.admin, input);
    return await this.services.authentication.authenticate(adminToken.rawKey);
  }

  /** What must not change when something is refused. */
  async fingerprint() {
    const tables = ["organizations", "projects", "environments", "bundles", "contents", "deployments", "tokens"];
    const drafts = ["pipelines", "pipeline_stages", "pipeline_apps", "source_artifacts", "outbox_events"];
    const all = [...tables, ...drafts, "audit_events", "idempotent_answers"];
    const counts = await this.counts(...all);
    const { rows } = await this.services.environments.list(this.admin, this.projectId, undefined, 0);
    return { counts: all.map((table, index) => [table, counts[index]]), environments: rows };
  }

  async actions(orgId = this.orgId): Promise<string[]> {
    const { rows } = await this.services.audit.list({ orgId, limit: 1000, after: 0 });
    return rows.map(({ action }) => action);
  }

  async #assemble(): Promise<void> {
    const { clock } = this;
    this.data = await this.database.open();
    const { store, keys } = this.data;
    const audit = createAudit({ store, clock, signer: keys.audit, ring: new KeyRing({ store, keys }) });
    await keepPublicKeys(store, clock, keys, this.data.lastKeys, keyEventRecorder(audit));
    this.services = this.compose(this.#watched(store));
  }

  /** The store, which tells the moments of a test. */
  #watched(store: Store): Store {
    const { moments } = this;
    const read: Store["read"] = {
      ...store.read,
      async environmentById(id) {
        const environment = await store.read.environmentById(id);
        await moments.afterEnvironmentRead();
        return environment;
      },
      async tokenByHash(hash) {
        const token = await store.read.tokenByHash(hash);
        await moments.afterTokenRead();
        return token;
      },
    };
    return {
      read,
      write: (work) => store.write(work),
      ping: () => store.ping(),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  /** The use cases of one node over a store. */
  compose(store: Store, onError: (error: unknown) => void = rethrow): UseCases {
    const { clock, moments } = this;
    const { keys } = this.data;
    const storeChanges = new StoreChanges();
    return useCases(
      {
        store: storeChanges.observe(store),
        storeChanges,
        feed: this.isShared ? silentFeed() : null,
        clock,
        signingKeys: {
          get bundles() {
            return signingAfter(keys.bundles, () => moments.beforeBundleSignature());
          },
          audit: signingAfter(keys.audit, () => moments.beforeAuditSignature()),
          webhooks: keys.webhooks,
          opa: keys.opa,
          get attestation() {
            return keys.attestation;
          },
          attestationKey: keys.attestationKey,
          problem: null,
          lastBundlesPem: null,
          shared: keys.shared,
          bundleKey: keys.bundleKey,
          derive: (purpose, owner) => {
            const derived = keys.derive(purpose, owner);
            return purpose === "bundles" ? signingAfter(derived, () => moments.beforeBundleSignature()) : derived;
          },
        },
        lastKeys: this.data.lastKeys,
        observers: { ...NO_OBSERVERS, watch: this.#watchObserver() },
        warnings: {
          ...NO_WARNINGS,
          foreignKey: (...it) => void this.foreignKeys.push(it),
          damaged: (environmentId) => void this.damaged.push(environmentId),
        },
        tracing: NO_TRACING,
        keptKey: NO_KEPT_KEY,
      },
      {
        webhooks: {
          allowList: parseAllowList("127.0.0.0/8"),
          schedule: [0, 1, 1],
          timeoutMs: 2_000,
          userAgent: "signet/test",
          onError,
        },
        documents: DEFAULT_DOCUMENTS,
        consoleServer: null,
        decisions: null,
        server: { version: "test", url: null },
        node: { name: "test", version: "test", schema: "test" },
        sessionLimits: { stream: 3, poll: 3 },
        heartbeatMs: 600_000,
        leaseSeconds: 300,
      },
    );
  }
}

function rethrow(error: unknown): never {
  throw error;
}

/** Tells of nothing: a test itself says what a node hears. */
function silentFeed(): ChangeFeed {
  return {
    nodeId: randomUUID(),
    heardAtMs: 0,
    listenerLosses: 0,
    marks: new HighWaterMarks(),
    follow: () => ({ [Symbol.dispose]: () => undefined }),
  };
}

/** One for each test of a file. */
export function useServices(isShared = false): Fixture {
  const fixture = new Fixture(isShared);
  beforeEach(() => fixture.open());
  afterEach(() => fixture.close());
  return fixture;
}

export function publishInput(input: Partial<PublishInput> = {}): PublishInput {
  const nothing = {
    mediaType: "application/json" as const,
    scopePolicies: null,
    publishedBy: null,
    title: null,
    description: null,
    source: null,
    reason: null,
    release: null,
  };
  return { policies: '{"n":1}', ...nothing, labels: {}, activate: true, ...input };
}

function signingAfter(signer: Signer, before: () => Promise<void> | void): Signer {
  return {
    ...signer,
    async sign(message) {
      await before();
      return await signer.sign(message);
    },
  };
}
