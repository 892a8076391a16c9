import { createClient, type Client, type Transport } from "@connectrpc/connect";
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
import { withToken, type TokenSource } from "./authorized-transport.js";
export { changeHeaders, type ChangeGuards } from "./change-headers.js";
import { check, hasMethods, isObject } from "../bundle/verify-arguments.js";

/** A typed client for each service. Calls throw SignetError only. */
export interface SignetClient {
  readonly organizations: Client<typeof OrganizationService>;
  readonly tokens: Client<typeof TokenService>;
  readonly bundles: Client<typeof BundleService>;
  readonly keys: Client<typeof KeyService>;
  readonly transfers: Client<typeof TransferService>;
  readonly runtimes: Client<typeof RuntimeService>;
  /** What Open Policy Agent calls. */
  readonly opa: Client<typeof OpaService>;
  readonly audit: Client<typeof AuditService>;
  readonly webhooks: Client<typeof WebhookService>;
  /** Environments, followed by people and programs that look at them: {@link watchEnvironments}. */
  readonly watches: Client<typeof WatchService>;
  readonly pipelines: Client<typeof PipelineService>;
  /** Roots and releases: what runtimes can prove. */
  readonly trust: Client<typeof TrustService>;
  readonly artifacts: Client<typeof ArtifactService>;
  /** For admins of the operator's organization. */
  readonly system: Client<typeof SystemService>;
  readonly backups: Client<typeof BackupService>;
}

/** A transport of `@connectrpc/connect` 2, also of another copy than the one in here: TypeScript takes their types for different ones. */
export interface AnyTransport {
  unary(...args: never[]): Promise<unknown>;
  stream(...args: never[]): Promise<unknown>;
}

/** The server and the token of a client. */
export interface SignetClientOptions {
  /** The connection to the server: `openNodeTransport` for Node, `createFetchTransport` for browsers, or any other of Connect's. */
  readonly transport: AnyTransport;
  /** Null sends none: the transport is authorized by itself, as a browser's session is. */
  readonly token: TokenSource | null;
}

/** Builds the client. Opens no connection; the first call does. Throws a TypeError for invalid options. */
export function createSignetClient(options: SignetClientOptions): SignetClient {
  check(isObject(options), "options", "an object");
  const { transport, token } = options;
  check(hasMethods(transport, "unary", "stream"), "transport", "a transport, as openNodeTransport(…).transport is");
  // A token that no header can carry would look like an unavailable server.
  const isToken =
    token === null || typeof token === "function" || (typeof token === "string" && /^[\x20-\x7e]+$/.test(token));
  check(isToken, "token", "printable ASCII characters, a function that returns them, or null");
  const authorized = withToken(transport as Transport, token);
  return {
    organizations: createClient(OrganizationService, authorized),
    tokens: createClient(TokenService, authorized),
    bundles: createClient(BundleService, authorized),
    keys: createClient(KeyService, authorized),
    transfers: createClient(TransferService, authorized),
    runtimes: createClient(RuntimeService, authorized),
    opa: createClient(OpaService, authorized),
    audit: createClient(AuditService, authorized),
    watches: createClient(WatchService, authorized),
    webhooks: createClient(WebhookService, authorized),
    pipelines: createClient(PipelineService, authorized),
    trust: createClient(TrustService, authorized),
    artifacts: createClient(ArtifactService, authorized),
    system: createClient(SystemService, authorized),
    backups: createClient(BackupService, authorized),
  };
}
