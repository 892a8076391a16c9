/**
 * The client of Signet. Runs in Node and in browsers. What needs Node is in node.js, kept apart because a browser cannot
 * load it.
 */
export { createSignetClient, type AnyTransport, type SignetClient, type SignetClientOptions } from "./client.js";
export { createFetchTransport, type FetchTransportOptions } from "./fetch-transport.js";
export type { TokenSource } from "./authorized-transport.js";
export { changeHeaders, type ChangeGuards } from "./client.js";
export { HTTP_STATUS, SignetError, toSignetError, type SignetErrorCode } from "./signet-error.js";
export { formatMessage, formatMessages } from "../json-form/format-message.js";

export { activationsOf, watchBundle } from "./watch.js";
export type { WatchOptions } from "./watch-options.js";
export {
  ENVIRONMENT_TOPICS,
  watchEnvironments,
  type EnvironmentsEvent,
  type EnvironmentTopic,
  type WatchEnvironmentsOptions,
} from "./watch-environments.js";
export { createStatusReporter } from "./status-reporter.js";
export type { InstanceStatus, StatusReporter, StatusReporterOptions } from "./status-reporter.js";
export type { KeySource } from "./verify-activation.js";
export type { BackoffOptions } from "./backoff.js";
export { parseCachedActivation, type BundleCache, type CachedActivation } from "./bundle-cache.js";
export { verifyActivation, type Trust } from "./verify-activation.js";
export type * from "./watch-event.js";

export { openRuntime, type FetchRuntimeOptions } from "./runtime/open-runtime.js";
export type { RuntimeOptions, RuntimeTrust } from "./runtime/runtime-options.js";
export type * from "./runtime/runtime.js";
export type { RuntimeProof } from "./runtime/runtime-proof.js";
export { createMemoryCache, type CachedContent, type CacheEntry, type RuntimeCache } from "./runtime/runtime-cache.js";
export { opaPolicies, type OpaPolicyOptions } from "../bundle/opa/make-policies.js";
export { readOpaPolicies, type OpaPolicies } from "../bundle/opa/opa-policies.js";
export { TRUST_CODES, TrustError, type TrustCode } from "../bundle/trust/trust-error.js";
export type { TrustIdentity } from "../bundle/trust/trust-state.js";

export { parsePublicKey, type PublicKey } from "../bundle/keys.js";
export { VerificationError, type VerificationReason } from "../bundle/verification-error.js";
export {
  verifyDocument,
  type ExpectedIdentity,
  type VerifiedBundle,
  type VerifyOptions,
} from "../bundle/verify-bundle.js";

export { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
export type * from "../../gen/signet/v1/artifact_pb.js";
export type * from "../../gen/signet/v1/actor_pb.js";
export type * from "../../gen/signet/v1/audit_pb.js";
export type * from "../../gen/signet/v1/backup_pb.js";
export type * from "../../gen/signet/v1/bundle_pb.js";
export type * from "../../gen/signet/v1/key_pb.js";
export type * from "../../gen/signet/v1/opa_pb.js";
export type * from "../../gen/signet/v1/organization_pb.js";
export type * from "../../gen/signet/v1/pipeline_pb.js";
export type * from "../../gen/signet/v1/runtime_pb.js";
export type * from "../../gen/signet/v1/system_pb.js";
export type * from "../../gen/signet/v1/token_pb.js";
export type * from "../../gen/signet/v1/transfer_pb.js";
export type * from "../../gen/signet/v1/trust_pb.js";
export type * from "../../gen/signet/v1/watch_pb.js";
export type * from "../../gen/signet/v1/webhook_pb.js";
