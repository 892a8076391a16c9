import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { BackupSchema, BackupService } from "../../../gen/signet/v1/backup_pb.js";
import type { Backup } from "../../core/backup.js";
import type { Backups } from "../../service/backups/backups.js";
import { callOf } from "../admission/call.js";
import { timestampOf, withoutNulls } from "./message-fields.js";

/** BackupService on the use cases. Its scope lets only the operator's admins here. */
export function createBackupService({ backups }: { readonly backups: Backups }): ServiceImpl<typeof BackupService> {
  return {
    async createBackup({ keep }, context) {
      return backupMessage(await backups.create(callOf(context).principal, keep));
    },

    async listBackups({ limit = 25, offset }) {
      const all = await backups.list();
      return { data: all.slice(offset, offset + limit).map(backupMessage), total: all.length, limit, offset };
    },

    async getBackup({ backupId }) {
      return backupMessage(await backups.get(backupId));
    },

    async *downloadBackup({ backupId }, context) {
      const download = await backups.download(callOf(context).principal, backupId);
      if (context.protocolName === "rest") {
        // A client sees then that a download was cut off.
        context.responseHeader.set("Content-Length", String(download.backup.bytes));
      }
      for await (const data of download.read()) {
        context.signal.throwIfAborted();
        yield { data: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength) };
      }
    },

    async deleteBackup({ backupId }, context) {
      await backups.delete(callOf(context).principal, backupId);
      return create(EmptySchema);
    },
  };
}

function backupMessage(backup: Backup): MessageInitShape<typeof BackupSchema> {
  const { id, kind, state, phase, percent, createdAt, bytes, sha256, error } = backup;
  return {
    id,
    kind,
    state,
    percent,
    createdAt: timestampOf(createdAt),
    ...withoutNulls({ phase, bytes, sha256, error }),
  };
}
