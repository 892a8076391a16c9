import { create } from "@bufbuild/protobuf";
import { OperationSchema, Scope } from "../../../gen/signet/v1/options_pb.js";
import type { RequestHead } from "../admission/admission.js";
import type { Authenticator } from "../admission/authenticator.js";
import { answerError } from "./answer.js";
import { methodNotAllowed } from "./error-body.js";
import { requestConnection } from "./connection.js";
import { endWith, type NodeRequest, type NodeResponse } from "./node-http.js";
import type { RequestReport } from "./request-outcome.js";

/** The path of the metrics on the main port and on the metrics address. */
export const METRICS_PATH = "/metrics";

/** What there is to scrape. */
export interface MetricsSource {
  readonly contentType: string;
  render(): Promise<string>;
}

/** The figures are of all organizations: for the operator. It is not a method of the proto, but requires the same admission. */
const OPERATION = create(OperationSchema, { id: "getMetrics", scope: Scope.METRICS, successStatus: 200 });

/** `GET /metrics` on the main port: with a metrics token, or one of the operator's admins. */
export interface MetricsPage {
  /** Throws the errors of admission. A session of the console counts too, so that its operator can look. */
  answer(
    req: NodeRequest,
    res: NodeResponse,
    report: RequestReport,
    admitted: Pick<RequestHead, "onRate" | "session">,
  ): Promise<void>;
}

/** The metrics page of the main port: requires a metrics token or an admin token of the operator's organization. */
export function createMetricsPage(admission: Authenticator, source: MetricsSource): MetricsPage {
  return {
    async answer(req, res, report, admitted) {
      const { requestId, clientAddress } = report;
      report.operationId = OPERATION.id;
      if (refuseMethod(req, res, requestId)) return;
      const connection = requestConnection(req);
      const head = { requestId, clientAddress, connection, rawHeaders: req.rawHeaders, ...admitted };
      const { principal } = await admission.admitTo(OPERATION, head);
      report.keyPrefix = principal.keyPrefix;
      report.keyName = principal.tokenName;
      await writeMetrics(req, res, source);
    },
  };
}

/** Answers 405 to what is neither GET nor HEAD, and says so. */
export function refuseMethod(req: NodeRequest, res: NodeResponse, requestId: string): boolean {
  if (req.method === "GET" || req.method === "HEAD") return false;
  answerError(req, res, methodNotAllowed(req.method ?? "", ["GET", "HEAD"], requestId));
  return true;
}

/** Writes the metrics with status 200; only headers for HEAD. */
export async function writeMetrics(req: NodeRequest, res: NodeResponse, source: MetricsSource): Promise<void> {
  const body = Buffer.from(await source.render());
  const headers = {
    "content-type": source.contentType,
    "content-length": String(body.byteLength),
    "cache-control": "no-store",
  };
  endWith(res, 200, headers, req.method === "HEAD" ? undefined : body);
}
