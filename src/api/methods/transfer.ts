import { createHash } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type {
  BundleOriginSchema,
  OriginDeploymentSchema,
  TransferService,
  TrustedOriginSchema,
} from "../../../gen/signet/v1/transfer_pb.js";
import { parsePublicKey, spkiOf } from "../../bundle/keys.js";
import type { OriginDeployment } from "../../bundle/envelope/provenance.js";
import type { TrustedOrigin } from "../../core/transfer.js";
import type { EnvironmentPath } from "../../service/access/access.js";
import type { Exporting } from "../../service/transfer/exporting.js";
import type { ImportOrigin, Importing } from "../../service/transfer/importing.js";
import type { Origins } from "../../service/transfer/origins.js";
import type { TrustedOrigins } from "../../service/transfer/trusted-origins.js";
import { callOf } from "../admission/call.js";
import { bundleMessage } from "./bundles.js";
import { changeRequestOf } from "./change-request.js";
import { optionalTimestamp, timestampOf, withoutNulls } from "./message-fields.js";

/** Documents name their bytes: nothing on the way may change them. */
const UNCHANGED = "no-store, no-transform";

/** TransferService on the use cases. */
export function createTransferService(services: {
  readonly exporting: Exporting;
  readonly importing: Importing;
  readonly origins: Origins;
  readonly trustedOrigins: TrustedOrigins;
}): ServiceImpl<typeof TransferService> {
  const { exporting, importing, origins, trustedOrigins } = services;
  return {
    async exportBundle(request, context) {
      const { version, setDigest, setPosition, setSize, withoutDocument } = request;
      const set = { digest: setDigest ?? null, position: setPosition ?? null, size: setSize ?? null };
      const exported = await exporting.export(callOf(context).principal, pathOf(request), version, set);
      context.responseHeader.set("Cache-Control", UNCHANGED);
      const { document, provenance } = exported;
      return withoutDocument ? { provenance } : { document, provenance };
    },

    async importBundle(request, context) {
      const { document, provenance, activate, dryRun, reason, importedBy } = request;
      const outcome = await importing.import(changeRequestOf(context), pathOf(request), {
        document: document ?? "",
        provenance: provenance ?? "",
        activate,
        dryRun,
        reason: reason ?? null,
        importedBy: importedBy ?? null,
      });
      const { state, alreadyImported, scopePoliciesRewritten, versionsLeft } = outcome;
      return {
        ...{ alreadyImported, dryRun, scopePoliciesRewritten, origin: originMessage(outcome.origin) },
        ...withoutNulls({ bundle: state === null ? null : bundleMessage(state), versionsLeft }),
      };
    },

    async getBundleOrigin(request, context) {
      const kept = await origins.get(callOf(context).principal, pathOf(request), request.version);
      context.responseHeader.set("Cache-Control", UNCHANGED);
      const { origin, document, provenance } = kept;
      return { origin: originMessage(origin), document, provenance };
    },

    async createTrustedOrigin({ name, publicKeyPems }, context) {
      return trustedOriginMessage(await trustedOrigins.create(callOf(context).principal, name, publicKeyPems));
    },

    async listTrustedOrigins({ limit = 25, offset }, context) {
      const { rows, total } = await trustedOrigins.list(callOf(context).principal, { limit, offset });
      return { data: rows.map(trustedOriginMessage), total, limit, offset };
    },

    async deleteTrustedOrigin({ originId }, context) {
      await trustedOrigins.delete(callOf(context).principal, originId);
      return create(EmptySchema);
    },
  };
}

function pathOf({ projectId, envName }: EnvironmentPath): EnvironmentPath {
  return { projectId, envName };
}

function originMessage(kept: ImportOrigin): MessageInitShape<typeof BundleOriginSchema> {
  const { originName, keyId, importedAt, importedBy, provenance } = kept;
  const { server, organization, project, environment, bundle, document, deployments } = provenance;
  return {
    name: originName,
    keyId,
    documentSha256: document.sha256,
    serverVersion: server.version,
    orgId: organization.id,
    orgName: organization.name,
    projectId: project.id,
    projectName: project.name,
    environmentId: environment.id,
    environment: environment.name,
    bundleId: bundle.id,
    version: bundle.version,
    policyHash: bundle.policyHash,
    mediaType: bundle.mediaType,
    publishedAt: timestampOf(bundle.publishedAt),
    deployments: deployments.map(deploymentMessage),
    activeAtExport: bundle.isActive,
    ...withoutNulls({ serverUrl: server.url, publishedBy: bundle.publishedBy, importedBy }),
    ...optionalTimestamp("importedAt", importedAt),
  };
}

function deploymentMessage(deployment: OriginDeployment): MessageInitShape<typeof OriginDeploymentSchema> {
  const { id, sequence, kind, fromVersion, reason, actor, at } = deployment;
  return {
    ...{ id, sequence, kind, actor: actor.prefix, at: timestampOf(at) },
    ...withoutNulls({ fromVersion, reason, actorName: actor.name }),
  };
}

function trustedOriginMessage(origin: TrustedOrigin): MessageInitShape<typeof TrustedOriginSchema> {
  const { id, name, keys, createdAt, createdBy } = origin;
  return {
    ...{ id, name, createdBy, createdAt: timestampOf(createdAt) },
    keys: keys.map(({ keyId, publicKeyPem }) => ({ keyId, publicKeyPem, fingerprint: fingerprintOf(publicKeyPem) })),
  };
}

function fingerprintOf(publicKeyPem: string): string {
  const spki = spkiOf(parsePublicKey(publicKeyPem));
  return `SHA256:${createHash("sha256").update(spki).digest("hex")}`;
}
