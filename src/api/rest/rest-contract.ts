import type { RateState, RequestHead } from "../admission/admission.js";
import type { NodeRequest, NodeResponse } from "../http/node-http.js";
import type { RequestReport } from "../http/request-outcome.js";

/** What a REST request brings along. */
export interface RestContext {
  readonly requestId: string;
  readonly clientAddress: string;
  readonly onRate: (state: RateState) => void;
  /** As in RequestHead. */
  readonly session?: RequestHead["session"];
  /** For what is known only later than the outcome: how a watch ended. */
  readonly report: Pick<RequestReport, "requestId" | "protocol" | "error">;
  /** Aborted when the server begins to shut down. */
  readonly shutdownSignal: AbortSignal;
}

/** What REST tells of a request that it answered. */
export interface RestOutcome {
  readonly operationId?: string | undefined;
  readonly keyPrefix?: string | undefined;
  /** The name of that token; null for one without. */
  readonly keyName?: string | null | undefined;
  readonly isStream?: boolean | undefined;
  readonly status: number;
  readonly error?: unknown;
}

/** Answers everything that is no RPC. */
export type RestHandler = (req: NodeRequest, res: NodeResponse, context: RestContext) => Promise<RestOutcome>;
