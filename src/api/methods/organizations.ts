import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type {
  CreateEnvironmentRequest,
  EnvironmentSchema,
  OrganizationSchema,
  OrganizationService,
  ProjectSchema,
  UpdateEnvironmentRequest,
} from "../../../gen/signet/v1/organization_pb.js";
import type { Clock } from "../../core/clock.js";
import {
  ENVIRONMENT_SETTINGS,
  environmentSettings,
  type Environment,
  type EnvironmentChange,
  type Organization,
} from "../../core/organization.js";
import type { Environments } from "../../service/tenancy/environments.js";
import type { Holds } from "../../service/bundles/holds.js";
import { organizationKeyOf, type Organizations } from "../../service/tenancy/organizations.js";
import type { Projects, ProjectTree } from "../../service/tenancy/projects.js";
import { callOf } from "../admission/call.js";
import { maskedFields } from "./masked-fields.js";
import { issuedMessage } from "./tokens.js";
import { countedRows, optionalTimestamp, timestampOf, withoutNulls } from "./message-fields.js";

/** OrganizationService on the use cases. */
export function createOrganizationService(services: {
  readonly organizations: Organizations;
  readonly projects: Projects;
  readonly environments: Environments;
  readonly holds: Holds;
  readonly clock: Clock;
}): ServiceImpl<typeof OrganizationService> {
  const { organizations, projects, environments, holds, clock } = services;
  return {
    async createOrganization(request, context) {
      const { name, plan, versionsPerEnvironment, adminTokenName, adminTokenSha256 } = request;
      const { organization, adminToken } = await organizations.create(callOf(context).principal, {
        name,
        plan: plan ?? null,
        versionsPerEnvironment: versionsPerEnvironment ?? null,
        ...(adminTokenName === undefined ? {} : { adminName: adminTokenName }),
        adminKeyHash: adminTokenSha256 ?? null,
      });
      const { $typeName: _, ...fields } = organizationMessage(organization);
      return { ...fields, adminToken: issuedMessage(adminToken, clock) };
    },

    async listOrganizations({ limit, offset }, context) {
      const { rows, total } = await organizations.list(callOf(context).principal, limit, offset);
      return { data: rows.map(organizationMessage), total, limit: limit ?? 25, offset };
    },

    async getOrganization(_request, context) {
      return organizationMessage(await organizations.get(callOf(context).principal));
    },

    async updateOrganization(request, context) {
      const fields = ["name", "plan", "industry", "companySize", "versionsPerEnvironment", "signingKey"] as const;
      const change = maskedFields(request, fields);
      return organizationMessage(await organizations.update(callOf(context).principal, request.orgId, change));
    },

    async deleteOrganization({ orgId, force, reason }, context) {
      await organizations.delete(callOf(context).principal, orgId, { force, reason: reason ?? null });
      return create(EmptySchema);
    },

    async createProject({ name, environments, runtimeKeys }, context) {
      const made = await projects.create(callOf(context).principal, name, {
        ...(environments.length === 0 ? {} : { environments }),
        runtimeKeys: runtimeKeys ?? true,
      });
      const { $typeName: _, ...fields } = projectMessage(made);
      return {
        ...fields,
        runtimeKeysCreated: made.runtimeTokens.length,
        runtimeKeys: made.runtimeTokens.map(({ environment, issued }) => ({
          envName: environment.name,
          envId: environment.id,
          rawKey: issued.rawKey,
          keyPrefix: issued.token.keyPrefix,
          ...optionalTimestamp("expiresAt", issued.token.expiresAt),
        })),
      };
    },

    async listProjects({ limit, offset }, context) {
      const listed = await projects.list(callOf(context).principal, limit, offset);
      return { projects: countedRows(context, listed).map(projectMessage) };
    },

    async getProject({ projectId }, context) {
      return projectMessage(await projects.get(callOf(context).principal, projectId));
    },

    async deleteProject({ projectId, force, reason }, context) {
      await projects.delete(callOf(context).principal, projectId, { force, reason: reason ?? null });
      return create(EmptySchema);
    },

    async createEnvironment(request, context) {
      const { name, restoreLinks } = request;
      const input = { name, restoreLinks, ...givenSettings(request) };
      return environmentMessage(await environments.create(callOf(context).principal, request.projectId, input));
    },

    async listEnvironments({ projectId, limit, offset }, context) {
      const listed = await environments.list(callOf(context).principal, projectId, limit, offset);
      return { environments: countedRows(context, listed).map(environmentMessage) };
    },

    async getEnvironment({ projectId, envName }, context) {
      return environmentMessage(await environments.get(callOf(context).principal, { projectId, envName }));
    },

    async updateEnvironment(request, context) {
      const { projectId, envName } = request;
      const change = givenSettings(request);
      return environmentMessage(await environments.update(callOf(context).principal, { projectId, envName }, change));
    },

    async releaseEnvironment({ projectId, envName }, context) {
      return environmentMessage(await holds.release(callOf(context).principal, { projectId, envName }));
    },

    async deleteEnvironment({ projectId, envName, force, reason }, context) {
      const options = { force, reason: reason ?? null };
      await environments.delete(callOf(context).principal, { projectId, envName }, options);
      return create(EmptySchema);
    },
  };
}

function organizationMessage(organization: Organization): MessageInitShape<typeof OrganizationSchema> {
  const { id, name, slug, plan, industry, companySize, versionsPerEnvironment, createdAt } = organization;
  return {
    ...{ id, name, slug, plan, createdAt: timestampOf(createdAt), signingKey: organizationKeyOf(organization) },
    ...withoutNulls({ industry, companySize, versionsPerEnvironment }),
  };
}

function projectMessage({ project, environments }: ProjectTree): MessageInitShape<typeof ProjectSchema> {
  const { id, orgId, name, slug, createdAt } = project;
  return {
    id,
    orgId,
    name,
    slug,
    createdAt: timestampOf(createdAt),
    environments: environments.map(environmentMessage),
  };
}

/** The settings that a request gives or clears, unchecked. A next stage that is present and empty is none. */
function givenSettings(request: CreateEnvironmentRequest | UpdateEnvironmentRequest): EnvironmentChange {
  const given = maskedFields(request as UpdateEnvironmentRequest, ENVIRONMENT_SETTINGS) as EnvironmentChange;
  return given.promotesTo === "" ? { ...given, promotesTo: null } : given;
}

/** An environment, as messages carry it. */
export function environmentMessage(environment: Environment): MessageInitShape<typeof EnvironmentSchema> {
  const { id, name, activeVersion, sequence, createdAt, hold } = environment;
  return {
    ...{ id, name, sequence, createdAt: timestampOf(createdAt) },
    ...withoutNulls({ ...environmentSettings(environment), activeVersion }),
    ...(hold === null
      ? {}
      : {
          hold: {
            by: hold.by,
            since: timestampOf(hold.since),
            ...withoutNulls({ reason: hold.reason, byName: hold.byName ?? null }),
          },
        }),
  };
}
