import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { AuditEventSchema, AuditService } from "../../../gen/signet/v1/audit_pb.js";
import type { AuditEvent } from "../../core/audit.js";
import { invalidField, notFound } from "../../core/error.js";
import { isUuid } from "../../core/uuid.js";
import { actorOfEvent } from "../../service/audit/audit-form.js";
import type { Audit } from "../../service/audit/audit.js";
import type { AuditLog } from "../../service/audit/log/audit-log.js";
import type { AuditFilter } from "../../store/store.js";
import { auditLogMethods } from "./audit-log.js";
import {
  actorMessage,
  countedRows,
  instantOfTimestamp,
  timestampOf,
  withoutNulls,
  withoutUnset,
} from "./message-fields.js";

/** AuditService on the use cases. The guard has checked that `org_id` is the token's organization. */
export function createAuditService({
  audit,
  auditLog,
}: {
  readonly audit: Audit;
  readonly auditLog: AuditLog;
}): ServiceImpl<typeof AuditService> {
  return {
    ...auditLogMethods(auditLog),
    async listAuditEvents(request, context) {
      const { orgId, before, after, actor, action, resourceType, resourceId, since, until, source } = request;
      if (before !== undefined && after !== undefined) {
        throw invalidField(["after"], "cannot be combined with before", "conflict", "query");
      }
      const { projectId, environment } = request;
      if (environment !== undefined && projectId === undefined) {
        throw invalidField(
          ["project_id"],
          "is required: the name of an environment is its project's",
          "missing",
          "query",
        );
      }
      // A name or a slug that the guard found none for. A deleted project is still found by its UUID.
      if (projectId !== undefined && !isUuid(projectId)) throw notFound("project");
      const filter: AuditFilter = {
        ...{ orgId, limit: request.limit ?? 1000 },
        ...withoutUnset({ projectId, environment }),
        ...withoutUnset({ before, after, actor, action, resourceType, resourceId, source }),
        ...(since === undefined ? {} : { since: instantOfTimestamp(since) }),
        ...(until === undefined ? {} : { until: instantOfTimestamp(until) }),
      };
      return { events: countedRows(context, await audit.list(filter)).map(eventMessage) };
    },

    async verifyAudit({ orgId, limit, headNumber, headHash, after }) {
      if ((headNumber === undefined) !== (headHash === undefined)) {
        throw invalidField(["head_hash"], "head_number and head_hash go together", "missing", "query");
      }
      const kept =
        headNumber === undefined || headHash === undefined ? undefined : { number: headNumber, hash: headHash };
      const { valid, checked, firstBroken, reason, ...keys } = await audit.verify(orgId, limit, kept, after);
      const { trustedKeyIds, untrustedKeyIds } = keys;
      return {
        ...{ valid, checked, trustedKeyIds: [...trustedKeyIds], untrustedKeyIds: [...untrustedKeyIds] },
        ...withoutNulls({ firstBroken, reason }),
      };
    },

    async getAuditHead({ orgId }) {
      const { at, ...head } = await audit.head(orgId);
      return { ...head, at: timestampOf(at) };
    },
  };
}

function eventMessage(event: AuditEvent): MessageInitShape<typeof AuditEventSchema> {
  const { orgId: _, metadata, createdAt, ...fields } = event;
  const { source } = metadata;
  const actor = actorOfEvent(event);
  return {
    ...fields,
    ...(actor === null ? {} : { performedBy: actorMessage(actor) }),
    ...(typeof source === "string" ? { source } : {}),
    metadata: JSON.stringify(metadata),
    createdAt: timestampOf(createdAt),
  };
}
