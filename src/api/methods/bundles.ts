import type { MessageInitShape } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type BundleSchema,
  type BundleService,
  type BundleWithPoliciesSchema,
  type DeploymentSchema,
  type ListBundlesRequest,
  type PrunedEnvironmentSchema,
} from "../../../gen/signet/v1/bundle_pb.js";
import {
  type ActivationPeriod,
  type BundleFilter,
  type Deployment,
  type DeploymentKind,
  JSON_POLICIES,
  mediaTypeOf,
  type PublishedBundle,
} from "../../core/bundle.js";
import type { KeyPurpose } from "../../core/key.js";
import { defined } from "../../core/defined.js";
import type { EnvironmentPath } from "../../service/access/access.js";
import type { Comparing } from "../../service/bundles/comparing.js";
import type { Bundles } from "../../service/bundles/bundles.js";
import type { KeyList } from "../../service/keys/keys.js";
import { DEFAULT_RETENTION, type RetentionRules } from "../../service/bundles/retention.js";
import type { PrunedEnvironment, Pruning } from "../../service/bundles/pruning.js";
import type { KeyRotation } from "../../service/rotation/key-rotation.js";
import type { PolicySchemas } from "../../service/bundles/policy-schemas.js";
import type { Publishing } from "../../service/bundles/publishing.js";
import { keyMessage } from "./keys.js";
import { callOf } from "../admission/call.js";
import { changeRequestOf } from "./change-request.js";
import { changeMessage, comparisonMessage } from "./difference-message.js";
import { policySchemaMethods } from "./policy-schemas.js";
import {
  actorMessage,
  countedRows,
  instantOfTimestamp,
  optionalTimestamp,
  textOrNull,
  timestampOf,
  withoutNulls,
  withoutUnset,
} from "./message-fields.js";

/** BundleService on the use cases. */
export function createBundleService(services: {
  readonly bundles: Bundles;
  readonly comparing: Comparing;
  readonly publishing: Publishing;
  readonly policySchemas: PolicySchemas;
  readonly pruning: Pruning;
  readonly keys: Pick<KeyList, "list">;
  readonly rotation: Pick<KeyRotation, "warningsOf">;
}): ServiceImpl<typeof BundleService> {
  const { bundles, comparing, publishing, pruning, keys, rotation } = services;
  return {
    ...policySchemaMethods(services.policySchemas),

    async publishBundle(request, context) {
      const { policies, scopePolicies, publishedBy, title, description, labels, source, activate } = request;
      const state = await publishing.publish(changeRequestOf(context, request.dryRun), pathOf(request), {
        policies: policies ?? "",
        scopePolicies: scopePolicies ?? null,
        publishedBy: publishedBy ?? null,
        title: title ?? null,
        description: description ?? null,
        labels,
        source: source === undefined ? null : sourceOf(source),
        activate: activate ?? true,
        reason: textOrNull(request.reason),
        release: textOrNull(request.release),
        mediaType: mediaTypeOf(request.mediaType ?? "") ?? JSON_POLICIES,
      });
      return bundleMessage(state);
    },

    async activateBundle(request, context) {
      const { version, hold, reason, dryRun } = request;
      const options = { hold, reason: textOrNull(reason) };
      const state = await bundles.activate(changeRequestOf(context, dryRun), pathOf(request), version, options);
      return { ...bundleMessage(state), warnings: [...(await rotation.warningsOf(state.bundle))] };
    },

    async rollbackBundle(request, context) {
      const { toVersion, hold, reason, dryRun } = request;
      const options = { hold, reason: textOrNull(reason) };
      const change = changeRequestOf(context, dryRun);
      const state = await bundles.rollback(change, pathOf(request), toVersion ?? null, options);
      return { ...bundleMessage(state), warnings: [...(await rotation.warningsOf(state.bundle))] };
    },

    async promoteBundle({ projectId, sourceEnv, promotedBy = null, reason, sourceVersion, dryRun }, context) {
      const path = { projectId, envName: sourceEnv };
      const options = { promotedBy, reason: textOrNull(reason), ...defined({ sourceVersion }) };
      return bundleMessage(await publishing.promote(changeRequestOf(context, dryRun), path, options));
    },

    async listBundles(request, context) {
      const { principal } = callOf(context);
      const { limit, beforeVersion } = request;
      const listed = await bundles.list(principal, pathOf(request), limit, beforeVersion, filterOf(request));
      const { next, periods } = listed;
      if (next !== null) context.responseHeader.set("Signet-Next-Before-Version", String(next));
      return {
        bundles: countedRows(context, listed).map((state) => ({
          ...bundleMessage(state),
          ...periodFields(periods.get(state.sequence ?? 0) ?? null),
        })),
        ...(next !== null && { nextBeforeVersion: next }),
      };
    },

    async getBundle(request, context) {
      return bundleWithPolicies(await bundles.get(callOf(context).principal, pathOf(request), request.version));
    },

    async getBundleDocument(request, context) {
      context.responseHeader.set("Cache-Control", "no-store, no-transform");
      return { document: await bundles.document(callOf(context).principal, pathOf(request), request.version) };
    },

    async diffBundles(request, context) {
      const { principal } = callOf(context);
      const versions = [request.version, request.otherVersion] as const;
      return { patch: await bundles.diff(principal, pathOf(request), versions, context.signal) };
    },

    async compareBundles({ projectId, fromEnv, fromVersion, toEnv, toVersion }, context) {
      const { principal } = callOf(context);
      const from = { envName: fromEnv, version: fromVersion ?? null };
      const to = { envName: toEnv ?? fromEnv, version: toVersion ?? null };
      return comparisonMessage(await comparing.compare(principal, projectId, { from, to }, context.signal));
    },

    async deleteBundle(request, context) {
      const { version, reason } = request;
      await bundles.delete(callOf(context).principal, pathOf(request), version, textOrNull(reason));
      return create(EmptySchema);
    },

    async pruneBundles(request, context) {
      const { principal } = callOf(context);
      const { projectId, envName = null, dryRun = true, production } = request;
      const rules: RetentionRules = {
        keepNewest: request.keepNewest ?? DEFAULT_RETENTION.keepNewest,
        keepDays: request.keepDays ?? DEFAULT_RETENTION.keepDays,
        keepProductionDays: request.keepProductionDays ?? DEFAULT_RETENTION.keepProductionDays,
        production,
      };
      const { environments, more } = dryRun
        ? await pruning.plan(principal, projectId, envName, rules)
        : await pruning.prune(principal, projectId, envName, rules);
      return { environments: environments.map(prunedMessage), dryRun, more };
    },

    async listDeployments(request, context) {
      const { principal } = callOf(context);
      const { actor, since, until } = request;
      const { rows, total, limit } = await bundles.deployments(
        principal,
        pathOf(request),
        request.limit,
        request.offset,
        {
          // The guard let pass no other text: the rules of the field.
          ...withoutUnset({ kind: request.kind as DeploymentKind | undefined, actor, version: request.version }),
          ...(since === undefined ? {} : { since: instantOfTimestamp(since) }),
          ...(until === undefined ? {} : { until: instantOfTimestamp(until) }),
        },
      );
      return { data: rows.map(deploymentMessage), total, limit, offset: request.offset };
    },

    async getDeployment(request, context) {
      return deploymentMessage(await bundles.deployment(callOf(context).principal, request.deploymentId));
    },

    async listKeys({ purpose }, context) {
      // The guard let pass no other text: the rules of the field.
      const listed = await keys.list(callOf(context).principal, (purpose as KeyPurpose | undefined) ?? null);
      return {
        keys: listed.map(keyMessage),
      };
    },
  };
}

function pathOf({ projectId, envName }: EnvironmentPath): EnvironmentPath {
  return { projectId, envName };
}

function sourceOf({ repository, revision, url }: { repository: string; revision: string; url: string }) {
  return { repository, revision, url };
}

/** A bundle as messages carry it. */
export function bundleMessage(state: PublishedBundle): MessageInitShape<typeof BundleSchema> {
  const { bundle, isActive, deploymentId, sequence, change } = state;
  const { publishedBy, title, description, source } = bundle;
  return {
    id: bundle.id,
    version: bundle.version,
    policyHash: bundle.policyHash,
    isActive,
    publishedAt: timestampOf(bundle.publishedAt),
    labels: { ...bundle.labels },
    origin: bundle.origin,
    // Answers that older releases stored for retries have none.
    mediaType: bundle.mediaType ?? JSON_POLICIES,
    ...withoutNulls({ publishedBy, title, description, source, deploymentId, sequence }),
    ...(change === undefined ? {} : { change: changeMessage(change) }),
  };
}

function filterOf({ text, label, publishedBy, sourceRevision, mediaType }: ListBundlesRequest): BundleFilter {
  // An empty one says nothing.
  const given = (asked: string | undefined) => textOrNull(asked) ?? undefined;
  const split = label?.indexOf("=") ?? 0;
  return defined({
    text: given(text),
    label: label === undefined ? undefined : { key: label.slice(0, split), value: label.slice(split + 1) },
    publishedBy: given(publishedBy),
    sourceRevision: given(sourceRevision),
    mediaType: mediaTypeOf(mediaType ?? "") ?? undefined,
  });
}

function periodFields(period: ActivationPeriod | null) {
  return {
    ...optionalTimestamp("activatedAt", period?.activatedAt ?? null),
    ...optionalTimestamp("replacedAt", period?.replacedAt ?? null),
  };
}

function bundleWithPolicies({
  state,
  content,
  period,
}: Awaited<ReturnType<Bundles["get"]>>): MessageInitShape<typeof BundleWithPoliciesSchema> {
  const { $typeName: _, change: __, ...fields } = bundleMessage(state);
  const { signature, signatureV2, keyId } = state.bundle;
  return {
    ...fields,
    ...periodFields(period),
    policiesJson: content.policies,
    scopePoliciesJson: content.scopePolicies,
    signature,
    signatureV2,
    keyId,
  };
}

function prunedMessage({ versions, ...counts }: PrunedEnvironment): MessageInitShape<typeof PrunedEnvironmentSchema> {
  return { ...counts, versions: versions.map(({ first, last }) => ({ first, last })) };
}

/** An activation, as messages carry it. */
export function deploymentMessage(deployment: Deployment): MessageInitShape<typeof DeploymentSchema> {
  const { id, sequence, version, kind, actor, at, projectId, environmentId, environment, bundleId, policyHash } =
    deployment;
  const { mediaType } = deployment;
  const { fromVersion, reason, title, sourceRevision, sourceProjectId, sourceEnvironment, sourceVersion } = deployment;
  return {
    ...{ id, sequence, version, kind, actor, at: timestampOf(at) },
    ...{ projectId, environmentId, environment, bundleId, policyHash, mediaType },
    ...withoutNulls({ fromVersion, reason, title, sourceRevision, sourceProjectId, sourceEnvironment, sourceVersion }),
    ...(deployment.performedBy === null ? {} : { performedBy: actorMessage(deployment.performedBy) }),
  };
}
