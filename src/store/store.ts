import type { AuditEvent } from "../core/audit.js";
import type {
  ActivationPeriod,
  Bundle,
  BundleFilter,
  BundleState,
  Content,
  Deployment,
  DeploymentKind,
} from "../core/bundle.js";
import type { Instant } from "../core/clock.js";
import type { KeyPurpose, KeySlot, PublicKeyRecord, SealedKey } from "../core/key.js";
import type { Environment, FormerEnvironment, Organization, Project } from "../core/organization.js";
import type { PolicySchema } from "../core/policy-schema.js";
import type { RuntimeInstance } from "../core/runtime-instance.js";
import type { KeyType, Token } from "../core/token.js";
import type { AuditLogReader, AuditLogWriter } from "./audit-log-store.js";
import type { ArtifactReader, ArtifactWriter } from "./artifact-store.js";
import type { ClaimReader, ClaimWriter } from "./claim-store.js";
import type { ConsoleSessionReader, ConsoleSessionWriter } from "./console-session-store.js";
import type { FleetReader } from "./fleet-store.js";
import type { NodeReader, NodeWriter } from "./node-store.js";
import type { Listed, Page } from "./page.js";
import type { PipelineReader, PipelineWriter } from "./pipeline-store.js";
import type { TransferReader, TransferWriter } from "./transfer-store.js";
import type { TrustReader, TrustWriter } from "./trust-store.js";
import type { WebhookReader, WebhookWriter } from "./webhook-store.js";

/**
 * What Signet keeps. Asynchronous, so that a database server can stand behind it.
 *
 * Every method may throw AppError `unavailable` (the database is busy beyond its time-out or is closed) and `internal` (anything
 * else; the driver's own error is the cause).
 */
export interface Store extends AsyncDisposable {
  /** Reads outside of a transaction. Each call sees what was committed before it. */
  readonly read: Reader;
  /**
   * Runs `work` in one transaction that no other writer interleaves with. Commits when it resolves; rolls back and rethrows when
   * it rejects. What it resolved with was durable before this resolves.
   *
   * `work` may run again, on a database that several nodes share: what it does beside its transaction must do no harm twice. There a work
   * fails with the first statement that fails, also when it catches that.
   *
   * Inside of `work` use only the transaction that it is given: a call on `read` or a second `write` would wait for ever.
   */
  write<T>(work: (tx: Writer) => Promise<T>): Promise<T>;
  /** Resolves when the database answers; rejects with `unavailable` otherwise. */
  ping(): Promise<void>;
}

/** Which environments of a project are looked at: all that are not deleted without `environmentId`. */
export interface DeploymentScope {
  readonly orgId: string;
  readonly projectId: string;
  readonly environmentId?: string;
}

/** Which activations are listed: those that match all of what is set. */
export interface DeploymentFilter {
  readonly version?: number;
  readonly kind?: DeploymentKind;
  /** As in AuditFilter. */
  readonly actor?: string;
  readonly since?: Instant;
  readonly until?: Instant;
}

/** Which audit events are listed. */
export interface AuditFilter {
  readonly orgId: string;
  readonly limit: number;
  /** Only below this number, newest first. */
  readonly before?: number;
  /** Only above this number, oldest first. */
  readonly after?: number;
  /** The prefix of a token, its id or its name: all that it did, also under its earlier prefixes. */
  readonly actor?: string;
  /** One action, or a prefix that ends in `.*`. */
  readonly action?: string;
  readonly resourceType?: string;
  readonly resourceId?: string;
  /** The address that a change came from. */
  readonly source?: string;
  readonly projectId?: string;
  /** The name of an environment; only with a project. */
  readonly environment?: string;
  readonly since?: Instant;
  readonly until?: Instant;
}

/** Which bundles of an environment may be pruned. The active one never may. */
export interface PruneFilter {
  readonly environmentId: string;
  /** Only versions above this one. */
  readonly after: number;
  /** Only versions below this one. */
  readonly below: number;
  /** Only what was published before this instant, and by order: nothing after a version that was published between it and `now`. */
  readonly publishedBefore: Instant;
  readonly now: Instant;
  /** Only what no activation from this sequence on made active. */
  readonly fromSequence: number;
}

/** Some of the bundles that may be pruned. */
export interface PrunablePage {
  readonly bundles: readonly Pick<Bundle, "id" | "version" | "contentId" | "environmentId">[];
  /** The last version that was examined; null when there is none above it. */
  readonly next: number | null;
}

/** One environment, or all of a project or an organization. */
export type EnvironmentScope =
  { readonly environmentId: string } | { readonly projectId: string } | { readonly orgId: string };

/** Some of the activations of an environment, looked at from the newest on. */
export interface EarlierActivation {
  /** The version that was found; null when it is not among them. */
  readonly version: number | null;
  /** The sequence below which to go on; null when there is none. */
  readonly next: number | null;
}

/** Which tokens are listed. */
export interface TokenFilter extends Page {
  readonly orgId: string;
  readonly projectId?: string;
  readonly keyType?: KeyType;
}

/** A stored answer to a request that carried an Idempotency-Key. */
export interface IdempotentAnswer {
  readonly tokenId: number;
  readonly operation: string;
  readonly key: string;
  /** What tells the request from another one: opaque. */
  readonly requestHash: string;
  /** JSON. */
  readonly answer: string;
  readonly createdAt: Instant;
}

/** The key that signed the active bundle of an environment. */
export interface ActiveBundleKey {
  readonly environmentId: string;
  readonly orgId: string;
  readonly environment: string;
  readonly keyId: string;
}

/** Instances of one environment that told the same. */
export interface TrustedKeyCount {
  readonly environmentId: string;
  /** Null for those that told nothing. */
  readonly keyIds: readonly string[] | null;
  readonly count: number;
}

/** Look-ups answer null for what is not there. */
export interface Reader
  extends
    WebhookReader,
    PipelineReader,
    ArtifactReader,
    AuditLogReader,
    FleetReader,
    NodeReader,
    TransferReader,
    ClaimReader,
    ConsoleSessionReader,
    TrustReader {
  organization(id: string): Promise<Organization | null>;
  /** Oldest first. */
  organizations(page: Page): Promise<Listed<Organization>>;
  operatorOrganization(): Promise<Organization | null>;
  organizationBySlug(slug: string): Promise<Organization | null>;
  /** At most `limit`: names need not differ. */
  organizationsNamed(name: string, limit: number): Promise<readonly Organization[]>;

  project(orgId: string, id: string): Promise<Project | null>;
  projectBySlug(orgId: string, slug: string): Promise<Project | null>;
  /** At most `limit`: names need not differ. */
  projectsNamed(orgId: string, name: string, limit: number): Promise<readonly Project[]>;
  /** Newest first; `onlyId` for a token that sees one project. */
  projects(orgId: string, page: Page, onlyId?: string): Promise<Listed<Project>>;

  environment(projectId: string, name: string): Promise<Environment | null>;
  environmentById(id: string): Promise<Environment | null>;
  /** What is left of the last environment of this name that was deleted from the project. */
  formerEnvironment(projectId: string, name: string): Promise<FormerEnvironment | null>;
  /** Those of the environments that are there, of any project; at most 500 ids. */
  existingEnvironments(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** The ids of the environments of a scope. */
  environmentIds(among: EnvironmentScope): Promise<readonly string[]>;
  /** One of the protected environments that keep a bundle. */
  protectedEnvironment(among: EnvironmentScope): Promise<Environment | null>;
  /** Those of an organization that sign with a key of their own. */
  environmentsWithOwnKey(orgId: string): Promise<readonly Environment[]>;
  /** Those of an organization that have a public key of their own, in use or not. */
  environmentsWithKeys(orgId: string): Promise<readonly Environment[]>;
  /** By position, then name; all of one project. */
  environments(projectId: string): Promise<readonly Environment[]>;
  /** Those of a scope whose id is above `after`, by their id. */
  environmentsOf(among: EnvironmentScope, after: string, limit: number): Promise<readonly Environment[]>;
  /** Those of them that are there, in no order. */
  environmentsById(ids: readonly string[]): Promise<readonly Environment[]>;

  bundle(environmentId: string, version: number): Promise<BundleState | null>;
  bundleById(id: string): Promise<Bundle | null>;
  /** Newest first. `total` counts all of the environment, whatever `beforeVersion` is. */
  bundles(environmentId: string, limit: number, beforeVersion?: number): Promise<Listed<BundleState>>;
  /**
   * Those that match, newest first. Looks at 10,000 versions at most; `next` is where to go on, as `beforeVersion`, and null when no version
   * is left.
   */
  findBundles(
    environmentId: string,
    filter: BundleFilter,
    limit: number,
    beforeVersion?: number,
  ): Promise<{ readonly rows: readonly BundleState[]; readonly next: number | null }>;
  hasVersionBelow(environmentId: string, version: number): Promise<boolean>;
  /** By sequence, of at most 1,000 activations. */
  activationPeriods(
    environmentId: string,
    sequences: readonly number[],
  ): Promise<ReadonlyMap<number, ActivationPeriod>>;
  countBundles(environmentId: string): Promise<number>;
  /** The version that stands `offset` places below the newest; null when there are not so many. */
  versionFromNewest(environmentId: string, offset: number): Promise<number | null>;
  /** Looks at the oldest versions above `filter.after`, at most `limit` of them: see PrunablePage. */
  /** The lowest sequence of the activations between two instants; null when there is none. */
  firstActivationBetween(environmentId: string, after: Instant, until: Instant): Promise<number | null>;
  prunableBundles(filter: PruneFilter, limit: number): Promise<PrunablePage>;
  content(id: string): Promise<Content | null>;
  /** The scope policies of a content alone. */
  scopePolicies(contentId: string): Promise<string | null>;
  policySchema(projectId: string): Promise<PolicySchema | null>;
  /** The hash of the project's schema alone. */
  policySchemaHash(projectId: string): Promise<string | null>;

  deployment(orgId: string, id: string): Promise<Deployment | null>;
  /** Those of them that are there, in no order. */
  deploymentsById(ids: readonly string[]): Promise<readonly Deployment[]>;
  deploymentBySequence(environmentId: string, sequence: number): Promise<Deployment | null>;
  /** The newest activation of a content. */
  newestDeploymentOf(environmentId: string, policyHash: string): Promise<Deployment | null>;
  /** The activations of one bundle, newest first. */
  deploymentsOf(bundleId: string, page: Page): Promise<Listed<Deployment>>;
  /** Newest first. */
  deployments(environmentId: string, page: Page): Promise<Listed<Deployment>>;
  /**
   * Those that match all of what is set, newest first; counted to 10,000. Throws `invalid` when the actor had more than 500 prefixes.
   */
  findDeployments(scope: DeploymentScope, filter: DeploymentFilter, page: Page): Promise<Listed<Deployment>>;
  /**
   * The version of the newest activation below a sequence whose version is below `version` and whose bundle is still kept; looks at most
   * at `limit` activations.
   */
  earlierActivation(
    environmentId: string,
    below: { readonly version: number; readonly sequence: number },
    limit: number,
  ): Promise<EarlierActivation>;

  token(orgId: string, id: number): Promise<Token | null>;
  /** Those of the tokens that are there, of any organization; at most 500 ids. */
  tokensById(ids: readonly number[]): Promise<readonly Token[]>;
  /** The names of those of the tokens that have one; at most 500 ids. */
  tokenNames(ids: readonly number[]): Promise<ReadonlyMap<number, string>>;
  /** By the hash of the raw key, the current one or the one before the last rotation. */
  tokenByHash(hash: string): Promise<Token | null>;
  /** Newest first. */
  tokens(filter: TokenFilter): Promise<Listed<Token>>;
  /** Tokens of all organizations that are not revoked and expire after an instant: the next ones, at most `limit`. */
  expiringTokens(now: Instant, limit: number): Promise<readonly Pick<Token, "keyType" | "expiresAt">[]>;
  /** Tokens of an environment that are neither revoked nor expired. */
  liveRuntimeTokens(environmentId: string, now: Instant): Promise<readonly Token[]>;

  /** Throws `invalid` for an actor's name that more than 500 prefixes have had. */
  auditEvents(filter: AuditFilter): Promise<Listed<AuditEvent>>;
  auditEvent(orgId: string, id: number): Promise<AuditEvent | null>;
  auditHead(orgId: string): Promise<AuditEvent | null>;

  idempotentAnswer(tokenId: number, operation: string, key: string): Promise<IdempotentAnswer | null>;
  /** Those that are kept, in any order. For a few hundred names at most: each is a parameter of one statement. */
  instancesNamed(
    environmentId: string,
    tokenId: number,
    instanceIds: readonly string[],
  ): Promise<readonly RuntimeInstance[]>;
  /** Last seen first; with `source` only those last seen at this address. */
  instances(environmentId: string, page: Page, source?: string): Promise<Listed<RuntimeInstance>>;
  /**
   * How many instances of some environments are live at an instant (core/runtime-instance.ts), by an index that has no dead ones before it.
   * Presence is written about once a second: what connected a moment ago may be missing.
   */
  countLiveInstances(among: EnvironmentScope, now: Instant): Promise<number>;
  /** The server's own, newest first. */
  publicKeys(purpose?: KeyPurpose): Promise<readonly PublicKeyRecord[]>;
  /** The keys of an organization and its environments, newest first. */
  publicKeysOf(orgId: string): Promise<readonly PublicKeyRecord[]>;
  /** Any key, by its id. */
  publicKey(keyId: string): Promise<PublicKeyRecord | null>;
  /** The keys of the active bundles of the environments of all organizations whose id is above `after`, by id. */
  activeBundleKeys(after: string, limit: number): Promise<readonly ActiveBundleKey[]>;
  /** One of the active bundles that are signed with a key of the server or a key that it endorses; null when there is none. */
  activeBundleOfKey(keyId: string): Promise<ActiveBundleKey | null>;
  /** The keys of a server with several nodes; none where they are files. */
  sealedKeys(): Promise<readonly SealedKey[]>;
  /** Their ids alone. */
  sealedKeyIds(): Promise<Readonly<Partial<Record<KeySlot, string>>>>;
  /** The environments of all organizations whose id is above `after`, by id. */
  environmentsAfter(after: string, limit: number): Promise<readonly Environment[]>;
  /** How many live instances of these environments trust which keys: each list of keys of an environment once. */
  trustedKeyCounts(environmentIds: readonly string[], now: Instant): Promise<readonly TrustedKeyCount[]>;
  /** Whether `removeDeleted` has something to do. */
  hasDeleted(): Promise<boolean>;
}

/** A transaction: reads see its own writes. */
export interface Writer
  extends
    Reader,
    WebhookWriter,
    PipelineWriter,
    ArtifactWriter,
    AuditLogWriter,
    NodeWriter,
    TransferWriter,
    ClaimWriter,
    ConsoleSessionWriter,
    TrustWriter {
  /** Throws `conflict` when its slug is taken. */
  insertOrganization(organization: Organization): Promise<void>;
  updateOrganization(organization: Organization): Promise<void>;
  /** As deleteProject, with all that it has; its audit events stay. */
  deleteOrganization(id: string, at: Instant): Promise<void>;
  /** Throws `conflict` when the slug is taken. */
  insertProject(project: Project): Promise<void>;
  /**
   * Marks it as deleted: from here on no look-up finds it, its environments, tokens and artifacts. `removeDeleted` deletes its rows.
   */
  deleteProject(id: string, at: Instant): Promise<void>;
  /** Throws `conflict` when the name is taken. */
  insertEnvironment(environment: Environment): Promise<void>;
  /** Position, next stage, signing key, counters and the active pointer. */
  updateEnvironment(environment: Environment): Promise<void>;
  /** Leaves out the environment's next sequences and versions, as if they had been given. */
  skipNumbers(environmentId: string, count: { readonly sequences: number; readonly versions: number }): Promise<void>;
  /** As deleteProject; other environments that promote to it lose their next stage. Keeps a FormerEnvironment of it. */
  deleteEnvironment(id: string, at: Instant): Promise<void>;
  /**
   * Deletes up to `limit` rows of organizations, projects, environments and webhooks that are marked, and content that nothing needs any more. Returns
   * how many rows; 0 when none is left.
   */
  removeDeleted(limit: number): Promise<number>;

  insertBundle(bundle: Bundle): Promise<void>;
  /** Deletes the bundle, its deployments stay; content that no other bundle and no artifact has goes with it. */
  deleteBundle(bundle: Pick<Bundle, "id" | "contentId" | "environmentId">): Promise<void>;
  /** Does nothing when the content is there already; one that is there with other texts under its id is damaged, and repaired. */
  putContent(content: Content): Promise<void>;
  /** Inserts or replaces. */
  putPolicySchema(schema: PolicySchema): Promise<void>;
  deletePolicySchema(projectId: string): Promise<void>;
  insertDeployment(deployment: Deployment): Promise<void>;

  /** Gives the token its id. */
  insertToken(token: Omit<Token, "id">): Promise<Token>;
  updateToken(token: Token): Promise<void>;
  touchTokens(ids: readonly number[], at: Instant): Promise<void>;

  insertAuditEvent(event: AuditEvent): Promise<void>;
  /** Throws `conflict` when there is an answer under the same key. */
  insertIdempotentAnswer(answer: IdempotentAnswer): Promise<void>;
  /** Deletes answers from before an instant, the oldest first and at most `limit`. Returns how many went. */
  deleteIdempotentAnswers(before: Instant, limit: number): Promise<number>;
  /** Inserts or replaces; of one token only the `keep` last seen stay. */
  putInstances(instances: readonly RuntimeInstance[], keepPerToken: number): Promise<void>;
  /** Replaces everything but the times of a key that is there already. */
  putPublicKey(key: PublicKeyRecord): Promise<void>;
  /** Inserts or replaces the key of its slot. */
  putSealedKey(key: SealedKey): Promise<void>;
  deleteSealedKey(slot: KeySlot): Promise<void>;
  /** Null accepts it again. */
  retirePublicKey(keyId: string, at: Instant | null): Promise<void>;
}
