import type { DescService } from "@bufbuild/protobuf";
import { createServiceImplSpec, type MethodImplSpec, type ServiceImpl } from "@connectrpc/connect";
import { FlagSyncService } from "../../../gen/flagd/sync/v1/sync_pb.js";
import { ArtifactService } from "../../../gen/signet/v1/artifact_pb.js";
import { AuditService } from "../../../gen/signet/v1/audit_pb.js";
import { BackupService } from "../../../gen/signet/v1/backup_pb.js";
import { BundleService } from "../../../gen/signet/v1/bundle_pb.js";
import { KeyService } from "../../../gen/signet/v1/key_pb.js";
import { OpaService } from "../../../gen/signet/v1/opa_pb.js";
import { OrganizationService } from "../../../gen/signet/v1/organization_pb.js";
import { PipelineService } from "../../../gen/signet/v1/pipeline_pb.js";
import { RuntimeService } from "../../../gen/signet/v1/runtime_pb.js";
import { SystemService } from "../../../gen/signet/v1/system_pb.js";
import { TokenService } from "../../../gen/signet/v1/token_pb.js";
import { TransferService } from "../../../gen/signet/v1/transfer_pb.js";
import { TrustService } from "../../../gen/signet/v1/trust_pb.js";
import { WatchService } from "../../../gen/signet/v1/watch_pb.js";
import { WebhookService } from "../../../gen/signet/v1/webhook_pb.js";
import { createArtifactService } from "./artifacts.js";
import { createAuditService } from "./audit.js";
import { createBackupService } from "./backups.js";
import { createBundleService } from "./bundles.js";
import { createFlagSyncService } from "./flags.js";
import { createKeyService } from "./keys.js";
import { guardMethod, type GuardParts } from "../admission/guard.js";
import { createOpaService } from "./opa.js";
import { createOrganizationService } from "./organizations.js";
import { createPipelineService } from "./pipelines.js";
import { requireRequestLimits } from "../admission/request-size.js";
import { createRuntimeService } from "./runtimes.js";
import { createSystemService } from "./system.js";
import { createTokenService } from "./tokens.js";
import { createTransferService } from "./transfer.js";
import { createTrustService } from "./trust.js";
import { createWatchService } from "./watches.js";
import { createWebhookService } from "./webhooks.js";

/** The services of signet.v1 and the one of flagd, as reflection and health list them. */
export const SERVICES = [
  ArtifactService,
  AuditService,
  BackupService,
  BundleService,
  FlagSyncService,
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
] as const;

/** What these services are made of. */
export type ApiServices = Parameters<typeof createArtifactService>[0] &
  Parameters<typeof createAuditService>[0] &
  Parameters<typeof createBackupService>[0] &
  Parameters<typeof createBundleService>[0] &
  Parameters<typeof createFlagSyncService>[0] &
  Parameters<typeof createKeyService>[0] &
  Parameters<typeof createOpaService>[0] &
  Parameters<typeof createOrganizationService>[0] &
  Parameters<typeof createPipelineService>[0] &
  Parameters<typeof createRuntimeService>[0] &
  Parameters<typeof createSystemService>[0] &
  Parameters<typeof createTokenService>[0] &
  Parameters<typeof createTransferService>[0] &
  Parameters<typeof createTrustService>[0] &
  Parameters<typeof createWatchService>[0] &
  Parameters<typeof createWebhookService>[0];

/** Every method of signet.v1, guarded: what each protocol mounts, and REST binds to. Throws when one has no limits (request-size.ts). */
export function createMethods(services: ApiServices, guard: GuardParts): readonly MethodImplSpec[] {
  const specs = [
    ...methodsOf(ArtifactService, createArtifactService(services)),
    ...methodsOf(AuditService, createAuditService(services)),
    ...methodsOf(BackupService, createBackupService(services)),
    ...methodsOf(BundleService, createBundleService(services)),
    ...methodsOf(FlagSyncService, createFlagSyncService(services)),
    ...methodsOf(KeyService, createKeyService(services)),
    ...methodsOf(OpaService, createOpaService(services)),
    ...methodsOf(OrganizationService, createOrganizationService(services)),
    ...methodsOf(PipelineService, createPipelineService(services)),
    ...methodsOf(RuntimeService, createRuntimeService(services)),
    ...methodsOf(SystemService, createSystemService(services)),
    ...methodsOf(TokenService, createTokenService(services)),
    ...methodsOf(TransferService, createTransferService(services)),
    ...methodsOf(TrustService, createTrustService(services)),
    ...methodsOf(WatchService, createWatchService(services)),
    ...methodsOf(WebhookService, createWebhookService(services)),
  ];
  for (const { method } of specs) requireRequestLimits(method);
  return specs.map((spec) => guardMethod(spec, guard));
}

function methodsOf<S extends DescService>(service: S, implementation: ServiceImpl<S>): readonly MethodImplSpec[] {
  const { methods } = createServiceImplSpec(service, implementation);
  return Object.values(methods);
}
