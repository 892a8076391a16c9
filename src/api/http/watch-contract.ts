import type { DescMethod, Message } from "@bufbuild/protobuf";
import { FlagSyncService } from "../../../gen/flagd/sync/v1/sync_pb.js";
import { RuntimeService } from "../../../gen/signet/v1/runtime_pb.js";
import type { Call } from "../admission/call.js";
import type { NodeRequest, NodeResponse } from "./node-http.js";
import type { RequestReport } from "./request-outcome.js";
import type { WireForm } from "./wire-form.js";

/** The methods that a WatchHandler serves. */
export const WATCHES: ReadonlySet<DescMethod> = new Set([
  RuntimeService.method.watchBundle,
  RuntimeService.method.watchPolicies,
  FlagSyncService.method.syncFlags,
]);

/** An RPC that has been admitted and read. */
export interface WatchRpc {
  /** One of WATCHES. */
  readonly method: DescMethod;
  readonly form: WireForm;
  readonly header: Headers;
  readonly body: Uint8Array;
  /** The message of `body`, where it was decoded already. */
  readonly message: Message | undefined;
  readonly call: Call;
  readonly report: RequestReport;
  readonly res: NodeResponse;
}

/** A REST request that has been admitted and bound. */
export interface WatchRest {
  /** One of WATCHES. */
  readonly method: DescMethod;
  /** The request of that method. */
  readonly message: Message;
  readonly header: Headers;
  readonly call: Call;
  readonly report: WatchReport;
  readonly req: NodeRequest;
  readonly res: NodeResponse;
}

/** The part of a request's report that a watch fills in. */
export type WatchReport = Pick<RequestReport, "requestId" | "protocol" | "error">;

/** Serves watches instead of the protocols' own handlers, which are given one and do not import it. */
export interface WatchHandler {
  /** False, and nothing was done, for requests that the protocol refuses: its own handler answers. Resolves when the answer has begun. */
  rpc(watch: WatchRpc): Promise<boolean>;
  /** Throws what ends it before its first message: it can still become a status. Resolves when the answer has begun. */
  rest(watch: WatchRest): Promise<void>;
}
