import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { OpaService } from "../../../gen/signet/v1/opa_pb.js";
import { notFound } from "../../core/error.js";
import type { Freshness } from "../../service/access/freshness.js";
import type { OpaArchives } from "../../service/opa/opa-archives.js";
import type { OpaDecisions } from "../../service/opa/opa-decisions.js";
import type { OpaStatuses } from "../../service/opa/opa-statuses.js";
import { entityTagOf, type LatestBundles, type LatestRequest } from "../../service/runtimes/latest.js";
import { addressKey } from "../admission/admission-address.js";
import { callOf, httpStatusKey, type Call } from "../admission/call.js";
import type { ReportBudget } from "../admission/report-budget.js";
import { entityTags, preferredWaitSeconds } from "../../core/http/conditional-request.js";
import { ageHeaders, latestHeaders } from "../poll/poll-answer.js";

/** What OPA's long polls look for, exactly: with a parameter behind it OPA polls no more (`download/download.go`). */
const BUNDLE_TYPE = "application/vnd.openpolicyagent.bundles";

/** OpaService on the use cases. */
export function createOpaService({
  latest,
  opaArchives,
  opaStatuses,
  opaDecisions,
  freshness,
  reports,
}: {
  readonly latest: LatestBundles;
  readonly opaArchives: OpaArchives;
  readonly opaStatuses: OpaStatuses;
  readonly opaDecisions: OpaDecisions;
  readonly freshness: Freshness;
  readonly reports: ReportBudget;
}): ServiceImpl<typeof OpaService> {
  return {
    async getOpaBundle({ instanceId }, context) {
      const call = callOf(context);
      const request = pollRequest(instanceId, context, call);
      const found = await latest.poll(call.principal, request, context.signal);
      if (found === null) throw notFound("active bundle");
      const { active, known } = found;
      const { sequence, id: deploymentId } = active.deployment;
      const told = { etag: entityTagOf(active), sequence, deploymentId, notModified: known !== null };
      const bundle = known === null ? { contentType: BUNDLE_TYPE, data: await opaArchives.of(active) } : undefined;
      const applied = request.waitSeconds > 0 ? { "Preference-Applied": `wait=${request.waitSeconds}` } : {};
      const headers = { ...latestHeaders(active), ...ageHeaders(freshness), ...applied };
      for (const [name, value] of Object.entries(headers)) context.responseHeader.set(name, value);
      if (known !== null) context.values.set(httpStatusKey, 304);
      return { ...told, ...(bundle === undefined ? {} : { bundle }) };
    },

    async reportOpaStatus({ status }, context) {
      const { principal, clientAddress } = callOf(context);
      const count = async (instanceId: string) => await reports.count(principal, instanceId);
      await opaStatuses.take(principal, status?.data ?? EMPTY, clientAddress, count);
      return {};
    },

    async uploadOpaLogs({ logs }, context) {
      return { accepted: await opaDecisions.take(callOf(context).principal, logs?.data ?? EMPTY) };
    },
  };
}

const EMPTY = new Uint8Array();

function pollRequest(instanceId: string, context: HandlerContext, { clientAddress }: Call): LatestRequest {
  const named = { instanceId, userAgent: context.requestHeader.get("user-agent") };
  return {
    ...{ afterSequence: 0, afterDeploymentId: "" },
    ifNoneMatch: entityTags(context.requestHeader.get("if-none-match")),
    waitSeconds: preferredWaitSeconds(context.requestHeader.get("prefer")),
    clientAddress: addressKey(clientAddress),
    ...(instanceId === "" ? {} : { instance: { ...named, labels: {}, clientAddress } }),
  };
}
