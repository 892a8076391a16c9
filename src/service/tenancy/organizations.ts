import { randomUUID } from "node:crypto";
import { instantOf, type Clock } from "../../core/clock.js";
import { AppError, invalidField, notFound } from "../../core/error.js";
import { newSlug, type Organization } from "../../core/organization.js";
import { type Principal } from "../../core/token.js";
import type { Listed } from "../../store/page.js";
import type { Store } from "../../store/store.js";
import type { Sessions } from "../access/sessions.js";
import type { Audit } from "../audit/audit.js";
import type { Outbox } from "../changes/outbox.js";
import type { Wakeups } from "../changes/wakeups.js";
import {
  countDisconnected,
  deletionMetadata,
  PLAIN_DELETION,
  refuseProtected,
  type DeletionOptions,
} from "./deletion-guard.js";
import type { SigningKeys } from "../keys/key-files.js";
import { keepOrganizationKeys, writeWithKeys } from "../keys/key-records.js";
import type { TokenCache } from "../tokens/token-cache.js";
import type { IssuedToken, Tokens } from "../tokens/tokens.js";

/** The fields of an organization that a caller wants changed; what is absent stays, null clears. */
export interface OrganizationChange {
  readonly name?: string | null;
  readonly plan?: string | null;
  readonly industry?: string | null;
  readonly companySize?: string | null;
  readonly versionsPerEnvironment?: number | null;
  /** `organization` gives one that signs with the server's keys its own; there is no way back. */
  readonly signingKey?: string | null;
}

const DEFAULT_PLAN = "free";
/** What only the operator changes. */
const OPERATORS_FIELDS = ["plan", "versionsPerEnvironment"] as const;

const ALL = { limit: 1_000_000, offset: 0 };

/** Makes, changes and deletes organizations. */
export class Organizations {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly tokens: Tokens;
      readonly sessions: Sessions;
      readonly cache: TokenCache;
      readonly wakeups: Wakeups;
      readonly outbox: Outbox;
      readonly keys: SigningKeys;
    },
  ) {}

  /** Operator only (the method's scope says so). */
  async create(
    caller: Principal,
    input: {
      name: string;
      plan: string | null;
      versionsPerEnvironment: number | null;
      /** Of the first admin token. */
      adminName?: string;
      /** SHA-256 of its key, when the caller made it. */
      adminKeyHash?: string | null;
    },
  ): Promise<{ organization: Organization; adminToken: IssuedToken }> {
    const { name, adminName = "first admin" } = input;
    const { store, clock, audit, tokens, keys } = this.deps;
    return await writeWithKeys(store, keys, async (tx) => {
      const id = randomUUID();
      const createdAt = instantOf(clock.now());
      const organization: Organization = {
        id,
        name,
        slug: await newSlug(name, id, async (slug) => (await tx.organizationBySlug(slug)) !== null),
        plan: input.plan ?? DEFAULT_PLAN,
        industry: null,
        companySize: null,
        versionsPerEnvironment: input.versionsPerEnvironment,
        isOperator: false,
        ownKeysSince: createdAt,
        createdAt,
      };
      await tx.insertOrganization(organization);
      await keepOrganizationKeys(tx, keys, id, createdAt);
      const adminToken = await tokens.issueIn(tx, id, "admin", {
        ...{ name: adminName, expiresInDays: null },
        keyHash: input.adminKeyHash ?? null,
        // The operator's: an organization needs a token that works.
        refusesForeignKey: true,
      });
      const entry = {
        action: "organization.created",
        resourceType: "organization",
        resourceId: id,
        metadata: { name: organization.name, plan: organization.plan, admin_key_prefix: adminToken.token.keyPrefix },
      };
      // In the operator's chain, whose token did it, and in its own, which is to be complete.
      await audit.record(tx, caller.orgId, caller, entry);
      await audit.record(tx, id, caller, entry);
      return { organization, adminToken };
    });
  }

  /**
   * Operator only, as create. Its projects, webhooks, pipelines and tokens go with it; its audit events stay. Throws `conflict` for the
   * operator's own organization (`operator_organization`), and as refuseProtected and countDisconnected.
   */
  async delete(caller: Principal, orgId: string, options: DeletionOptions = PLAIN_DELETION): Promise<void> {
    const { store, clock, audit, sessions, cache, wakeups, outbox } = this.deps;
    const { environmentIds, webhooks } = await store.write(async (tx) => {
      const organization = await tx.organization(orgId);
      if (organization === null) throw notFound("organization");
      if (organization.isOperator) {
        const message = "the operator's own organization cannot be deleted";
        throw new AppError("conflict", message, { reason: "operator_organization" });
      }
      const environmentIds = new Set(await tx.environmentIds({ orgId }));
      const target = { scope: { orgId }, environmentIds, what: `the organization "${organization.name}"` };
      await refuseProtected(tx, target);
      const live = await countDisconnected(tx, { sessions, clock }, target, options);
      const entry = {
        action: "organization.deleted",
        resourceType: "organization",
        resourceId: orgId,
        metadata: {
          ...{ name: organization.name, slug: organization.slug, environments: environmentIds.size },
          ...deletionMetadata(options, live),
        },
      };
      // In the operator's chain, whose token did it, and at the end of its own, which stays.
      await audit.record(tx, caller.orgId, caller, entry);
      await audit.record(tx, orgId, caller, entry);
      const { rows: webhooks } = await tx.webhooks(orgId, ALL);
      await tx.deleteOrganization(orgId, instantOf(clock.now()));
      return { environmentIds, webhooks };
    });
    cache.forget((principal) => principal.orgId === orgId);
    sessions.endEnvironments(environmentIds);
    for (const id of environmentIds) wakeups.wake(id);
    for (const { id } of webhooks) outbox.changed({ id, orgId });
  }

  async list(_caller: Principal, limit: number | undefined, offset: number): Promise<Listed<Organization>> {
    return await this.deps.store.read.organizations({ limit: limit ?? 25, offset });
  }

  async get(caller: Principal): Promise<Organization> {
    const organization = await this.deps.store.read.organization(caller.orgId);
    if (organization === null) throw notFound("organization");
    return organization;
  }

  /** Throws `forbidden` when a caller changes what is the operator's, or an operator what is the organization's. */
  async update(caller: Principal, orgId: string, change: OrganizationChange): Promise<Organization> {
    const fields = Object.keys(change);
    const operatorsFields = fields.filter((field) => OPERATORS_FIELDS.some((name) => name === field));
    if (orgId !== caller.orgId && !caller.isOperator) {
      throw new AppError("forbidden", "the token belongs to another organization");
    }
    if (operatorsFields.length > 0 && !caller.isOperator) {
      throw new AppError("forbidden", "plan and versions_per_environment are the operator's to change");
    }
    if (orgId !== caller.orgId && operatorsFields.length < fields.length) {
      throw new AppError(
        "forbidden",
        "an operator changes only plan and versions_per_environment of another organization",
      );
    }
    const wantsOwnKeys = change.signingKey !== undefined;
    const { store, audit, clock, keys } = this.deps;
    return await writeWithKeys(store, keys, async (tx) => {
      const organization = await tx.organization(orgId);
      if (organization === null) throw notFound("organization");
      if (wantsOwnKeys && organization.isOperator) {
        throw invalidField(["signing_key"], "the first organization's keys are the server's", "unsupported");
      }
      const now = instantOf(clock.now());
      const getsOwnKeys = wantsOwnKeys && organization.ownKeysSince === null;
      if (getsOwnKeys) await keepOrganizationKeys(tx, keys, orgId, now);
      const updated: Organization = {
        ...organization,
        name: change.name ?? organization.name,
        plan: change.plan ?? organization.plan,
        industry: change.industry === undefined ? organization.industry : change.industry,
        companySize: change.companySize === undefined ? organization.companySize : change.companySize,
        versionsPerEnvironment:
          change.versionsPerEnvironment === undefined
            ? organization.versionsPerEnvironment
            : change.versionsPerEnvironment,
        ownKeysSince: getsOwnKeys ? now : organization.ownKeysSince,
      };
      await tx.updateOrganization(updated);
      await audit.record(tx, orgId, caller, {
        action: "organization.updated",
        resourceType: "organization",
        resourceId: orgId,
        metadata: {
          fields,
          plan: updated.plan,
          versions_per_environment: updated.versionsPerEnvironment,
          signing_key: organizationKeyOf(updated),
        },
      });
      return updated;
    });
  }
}

/** How the API names whose keys sign an organization's bundles and webhooks. */
export function organizationKeyOf({ ownKeysSince }: Organization): "server" | "organization" {
  return ownKeysSince === null ? "server" : "organization";
}
