import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type {
  GetFleetSummaryRequest,
  RuntimeInstanceSchema,
  RuntimeService,
} from "../../../gen/signet/v1/runtime_pb.js";
import { defined } from "../../core/defined.js";
import { notFound } from "../../core/error.js";
import type { RolloutState } from "../../core/runtime-instance.js";
import type { FleetOrder } from "../../store/fleet-store.js";
import type { Tokens } from "../../service/tokens/tokens.js";
import type { Fleet, FleetInstance, FleetQuery } from "../../service/runtimes/fleet.js";
import type { Instances } from "../../service/runtimes/instances.js";
import type { Rollouts } from "../../service/runtimes/rollouts.js";
import type { Telemetry } from "../../service/runtimes/telemetry.js";
import { pullEvents } from "../../service/runtimes/pull.js";
import type { Push } from "../../service/runtimes/push.js";
import { callOf } from "../admission/call.js";
import type { ReportBudget } from "../admission/report-budget.js";
import type { StreamObserver } from "../admission/stream-observer.js";
import { createLatestMethods, type LatestServices } from "./latest.js";
import { policiesMessage, watchMessage } from "./watch-message.js";
import { policiesWatchRequest, watchRequest } from "./watch-request.js";
import { timestampOf, withoutNulls } from "./message-fields.js";

/** RuntimeService on the use cases. */
export function createRuntimeService(
  services: LatestServices & {
    readonly push: Push;
    readonly instances: Instances;
    readonly fleet: Fleet;
    readonly rollouts: Rollouts;
    readonly telemetry: Telemetry;
    readonly streams: StreamObserver;
    readonly reports: ReportBudget;
    readonly tokens: Pick<Tokens, "names">;
  },
): ServiceImpl<typeof RuntimeService> {
  const { push, contents, policies, instances, fleet, rollouts, telemetry, streams, reports, tokens } = services;
  const instanceMessages = async (rows: readonly FleetInstance[]) => {
    const names = await tokens.names([...new Set(rows.map(({ instance }) => instance.tokenId))]);
    return rows.map((row) => instanceMessage(row, names.get(row.instance.tokenId) ?? null));
  };
  return {
    ...createLatestMethods(services),

    async *watchBundle(request, context) {
      const call = callOf(context);
      const asked = watchRequest(request, context.requestHeader, call);
      const events = pullEvents(push, call.principal, asked, context.signal);
      streams.opened(context.protocolName);
      try {
        for await (const event of events) {
          const isContent = request.content && event.kind === "activation";
          yield watchMessage(event, isContent ? await contents.of(event.active) : null);
        }
      } finally {
        streams.closed(context.protocolName);
      }
    },

    async *watchPolicies(request, context) {
      const call = callOf(context);
      const asked = policiesWatchRequest(request, context.requestHeader, call);
      const events = pullEvents(push, call.principal, asked, context.signal);
      streams.opened(context.protocolName);
      try {
        for await (const event of events) {
          yield policiesMessage(event, event.kind === "activation" ? await policies.of(event.active) : null);
        }
      } finally {
        streams.closed(context.protocolName);
      }
    },

    async reportStatus({ instanceId, state, sequence, deploymentId, reason, agent, labels, keyIds }, context) {
      const { principal, clientAddress } = callOf(context);
      await reports.count(principal, instanceId);
      const report = {
        ...{ instanceId, sequence, deploymentId, labels, clientAddress },
        // The guard let pass no other text: the rules of the field.
        state: state as "applied" | "rejected",
        ...{ reason: reason ?? null, agent: agent ?? null, keyIds: keyIds.length === 0 ? null : keyIds },
      };
      return { newestSequence: await instances.report(principal, report) };
    },

    async listRuntimes({ projectId, envName, limit, offset, source }, context) {
      const listed = await instances.list(callOf(context).principal, { projectId, envName }, limit, offset, source);
      const data = await instanceMessages(listed.rows.map((row) => ({ ...row, projectId, environment: envName })));
      return { data, total: listed.total, limit: listed.limit, offset };
    },

    async listFleet({ offset, limit, order, ...asked }, context) {
      const { instanceId } = asked;
      // The guard let pass no other text: the rules of the field.
      const page = { offset, ...defined({ limit, order: order as FleetOrder | undefined, instanceId }) };
      const query = { ...fleetQuery(asked), ...page };
      const listed = await fleet.list(callOf(context).principal, query, context.signal);
      return { data: await instanceMessages(listed.rows), total: listed.total, limit: listed.limit, offset };
    },

    async getFleetSummary({ groupBy, ...asked }, context) {
      const { principal } = callOf(context);
      const { counts, groups, hasMore } = await fleet.summary(principal, fleetQuery(asked), groupBy, context.signal);
      return {
        counts,
        groups: groups.map((group) => ({ counts: group.counts, ...withoutNulls({ value: group.value }) })),
        moreGroups: hasMore,
      };
    },

    async getRollout({ projectId, envName, sequence, limit }, context) {
      const path = { projectId, envName };
      const rollout = await rollouts.get(callOf(context).principal, path, defined({ sequence, limit }));
      const { active, live, counts, laggards, isComplete, isSuperseded } = rollout;
      return {
        ...(active === null ? {} : { activeSequence: active.sequence, version: active.version }),
        ...(active === null ? {} : { deploymentId: active.id, activeSince: timestampOf(active.at) }),
        ...{ complete: isComplete, superseded: isSuperseded, live, ...counts },
        laggards: await instanceMessages(laggards.map((row) => ({ ...row, projectId, environment: envName }))),
      };
    },

    async sendHeartbeat({ reporter, bundleEtag, policyHash, runtimeVersion }, context) {
      const { principal, clientAddress } = callOf(context);
      await reports.count(principal, `${reporter ?? ""}@${clientAddress}`);
      await instances.heartbeat(principal, {
        clientAddress,
        reporter: reporter ?? null,
        bundleEtag: bundleEtag ?? null,
        policyHash: policyHash ?? null,
        agent: runtimeVersion ?? null,
      });
      return { status: "ok" };
    },

    async sendTelemetry({ events }, context) {
      return { accepted: await telemetry.count(callOf(context).principal, events ?? null) };
    },

    claimBenchmark() {
      throw notFound("benchmark");
    },
  };
}

function fleetQuery(asked: Omit<GetFleetSummaryRequest, "$typeName" | "$unknown" | "orgId" | "groupBy">): FleetQuery {
  const { projectId, state, environment, connected, live, version, label, source, agent, text } = asked;
  return {
    ...defined({ environment, connected, live, version, label, source, agent, text }),
    // The guard let pass no other text: the rules of the field.
    ...defined({ state: state as RolloutState | undefined, projectId: projectId === "" ? undefined : projectId }),
  };
}

function instanceMessage(row: FleetInstance, keyName: string | null): MessageInitShape<typeof RuntimeInstanceSchema> {
  const { instance, behindBy, rollout, isConnected: connected, isLive: live, projectId, environment } = row;
  const { instanceId, state, keyPrefix, labels, lastSeen, appliedSequence, appliedVersion, reason, source } = instance;
  const agent = instance.agent ?? instance.userAgent;
  return {
    ...{ instanceId, state, keyPrefix, labels: { ...labels }, lastSeen: timestampOf(lastSeen) },
    keyIds: [...(instance.keyIds ?? [])],
    ...{ environment, projectId, connected, live, rollout },
    ...withoutNulls({ appliedSequence, appliedVersion, behindBy, reason, agent, source, keyName }),
  };
}
