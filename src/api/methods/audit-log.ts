import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { AuditService, AuditCheckpointSchema } from "../../../gen/signet/v1/audit_pb.js";
import { encodeBase64 } from "../../bundle/base64.js";
import { invalidField } from "../../core/error.js";
import type { AuditLog, LoggedEvent } from "../../service/audit/log/audit-log.js";
import { callOf } from "../admission/call.js";
import { withoutNulls } from "./message-fields.js";

type LogMethods = "getAuditCheckpoint" | "getOwnAuditCheckpoint" | "getAuditInclusion" | "getAuditConsistency";

/** The methods of AuditService that are of the log over the events. The guard has checked `org_id`. */
export function auditLogMethods(log: AuditLog): Pick<ServiceImpl<typeof AuditService>, LogMethods> {
  return {
    getAuditCheckpoint: ({ orgId, since }) => checkpointMessage(log, orgId, since),

    getOwnAuditCheckpoint: ({ since }, context) => checkpointMessage(log, callOf(context).principal.orgId, since),

    async getAuditInclusion({ orgId, eventId, activation, size }) {
      const event = eventOf(eventId, activation);
      const found =
        size === undefined
          ? await log.signedInclusion(orgId, event)
          : { ...(await log.inclusion(orgId, event, size)), proof: null };
      const { activation: made, leafHash, hashes, proof, ...inclusion } = found;
      return {
        ...inclusion,
        ...{ index: found.eventId - 1, leafHash: encodeBase64(leafHash), hashes: hashes.map(encodeBase64) },
        ...withoutNulls({ activation: made, proof }),
      };
    },

    async getAuditConsistency({ orgId, older = 0, newer }) {
      const { size, hashes } = await log.consistency(orgId, older, newer);
      return { orgId, older, newer: size, hashes: hashes.map(encodeBase64) };
    },
  };
}

async function checkpointMessage(
  log: AuditLog,
  orgId: string,
  since: number | undefined,
): Promise<MessageInitShape<typeof AuditCheckpointSchema>> {
  const { root, consistency, ...checkpoint } = await log.checkpoint(orgId, since);
  return { ...checkpoint, rootHash: encodeBase64(root), consistency: consistency.map(encodeBase64) };
}

function eventOf(eventId: number | undefined, activation: string | undefined): LoggedEvent {
  if (eventId !== undefined && activation !== undefined) {
    throw invalidField(["activation"], "cannot be combined with event_id", "conflict", "query");
  }
  if (eventId !== undefined) return { eventId };
  if (activation !== undefined) return { activation };
  throw invalidField(["event_id"], "is required, or activation", "missing", "query");
}
