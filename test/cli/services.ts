import type { DescService } from "@bufbuild/protobuf";
import { ArtifactService } from "../../gen/signet/v1/artifact_pb.js";
import { AuditService } from "../../gen/signet/v1/audit_pb.js";
import { BackupService } from "../../gen/signet/v1/backup_pb.js";
import { BundleService } from "../../gen/signet/v1/bundle_pb.js";
import { KeyService } from "../../gen/signet/v1/key_pb.js";
import { OpaService } from "../../gen/signet/v1/opa_pb.js";
import { OrganizationService } from "../../gen/signet/v1/organization_pb.js";
import { PipelineService } from "../../gen/signet/v1/pipeline_pb.js";
import { RuntimeService } from "../../gen/signet/v1/runtime_pb.js";
import { SystemService } from "../../gen/signet/v1/system_pb.js";
import { TokenService } from "../../gen/signet/v1/token_pb.js";
import { TransferService } from "../../gen/signet/v1/transfer_pb.js";
import { TrustService } from "../../gen/signet/v1/trust_pb.js";
import { WatchService } from "../../gen/signet/v1/watch_pb.js";
import { WebhookService } from "../../gen/signet/v1/webhook_pb.js";

export const SERVICES: readonly DescService[] = [
  ArtifactService,
  AuditService,
  BackupService,
  BundleService,
  KeyService,
  OpaService,
  OrganizationService,
  PipelineService,
  RuntimeService,
  SystemService,
  TokenService,
  TransferService,
  TrustService,
  WatchService,
  WebhookService,
];
