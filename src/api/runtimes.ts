import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type {
  RuntimeInstanceSchema,
  RuntimeService,
  WatchBundleResponseSchema,
} from "../../gen/signet/v1/runtime_pb.js";
import { instantOf, type Clock } from "../core/clock.js";
import { notFound } from "../core/error.js";
import type { Instances, InstanceView } from "../service/instances.js";
import { entityTagOf, type LatestBundles } from "../service/latest.js";
import type { Telemetry } from "../service/telemetry.js";
import type { Watch, WatchEvent } from "../service/watch.js";
import { withoutNulls } from "./absent.js";
import { addressKey } from "./admission-address.js";
import { callOf, httpStatusKey } from "./call.js";
import type { StreamObserver } from "./stream-observer.js";
import { entityTags, preferredWaitSeconds, resumeSequence } from "./runtime-headers.js";
import { timestampOf } from "./timestamps.js";

/** RuntimeService on the use cases. */
export function createRuntimeService(services: {
  readonly watch: Watch;
  readonly latest: LatestBundles;
  readonly instances: Instances;
  readonly telemetry: Telemetry;
  readonly streams: StreamObserver;
  readonly clock: Clock;
}): ServiceImpl<typeof RuntimeService> {
  const { watch, latest, instances, telemetry, streams, clock } = services;
  return {
    async getLatestBundle(_request, context) {
      const { principal, clientAddress } = callOf(context);
      const request = {
        ifNoneMatch: entityTags(context.requestHeader.get("if-none-match")),
        waitSeconds: preferredWaitSeconds(context.requestHeader.get("prefer")),
        clientAddress: addressKey(clientAddress),
      };
      const { active, notModified } = await latest.latest(principal, request, context.signal);
      const { sequence, id: deploymentId } = active.deployment;
      const etag = entityTagOf(active);
      setHeaders(context, {
        ETag: `"${etag}"`,
        "Cache-Control": "private, no-cache",
        Vary: "Authorization, X-API-Key",
        "Signet-Sequence": String(sequence),
        "Signet-Deployment-Id": deploymentId,
        ...(request.waitSeconds > 0 ? { "Preference-Applied": `wait=${request.waitSeconds}` } : {}),
      });
      if (notModified) context.values.set(httpStatusKey, 304);
      return { document: notModified ? "" : active.document, notModified, etag, sequence, deploymentId };
    },

    async *watchBundle(request, context) {
      const { principal, clientAddress } = callOf(context);
      const events = watch.watch(
        principal,
        {
          afterSequence: resumeSequence(context.requestHeader.get("last-event-id")) ?? request.afterSequence,
          instanceId: request.instanceId,
          labels: request.labels,
          agent: context.requestHeader.get("user-agent"),
          clientAddress: addressKey(clientAddress),
        },
        context.signal,
      );
      streams.opened(context.protocolName);
      try {
        for await (const event of events) yield watchMessage(event, clock);
      } finally {
        streams.closed(context.protocolName);
      }
    },

    async reportStatus({ instanceId, state, sequence, reason, agent, labels }, context) {
      const { principal } = callOf(context);
      const report = { instanceId, state, sequence, labels, reason: reason ?? null, agent: agent ?? null };
      return { newestSequence: await instances.report(principal, report) };
    },

    async listRuntimes({ projectId, envName, limit, offset }, context) {
      const listed = await instances.list(callOf(context).principal, { projectId, envName }, limit, offset);
      return { data: listed.rows.map(instanceMessage), total: listed.total, limit: listed.limit, offset };
    },

    async sendHeartbeat({ reporter, bundleEtag, policyHash, runtimeVersion }, context) {
      const { principal, clientAddress } = callOf(context);
      await instances.heartbeat(principal, {
        clientAddress,
        reporter: reporter ?? null,
        bundleEtag: bundleEtag ?? null,
        policyHash: policyHash ?? null,
        agent: runtimeVersion ?? null,
      });
      return { status: "ok" };
    },

    sendTelemetry({ events }) {
      return { accepted: telemetry.count(events ?? null) };
    },

    claimBenchmark() {
      throw notFound("benchmark");
    },
  };
}

function watchMessage(event: WatchEvent, clock: Clock): MessageInitShape<typeof WatchBundleResponseSchema> {
  const { sequence } = event;
  switch (event.kind) {
    case "activation": {
      const { deployment, document } = event.active;
      const { id: deploymentId, kind, version, policyHash, at } = deployment;
      const activatedAt = timestampOf(at);
      const value = { sequence, deploymentId, kind, version, policyHash, activatedAt, document };
      return { sequence, event: { case: "activation", value } };
    }
    case "nothing_active":
      return { sequence, event: { case: "nothingActive", value: {} } };
    case "heartbeat": {
      const value = { at: timestampOf(instantOf(clock.now())) };
      return { sequence, event: { case: "heartbeat", value } };
    }
  }
}

function instanceMessage({ instance, behindBy }: InstanceView): MessageInitShape<typeof RuntimeInstanceSchema> {
  const { instanceId, state, keyPrefix, labels, lastSeen, appliedSequence, appliedVersion, reason, agent } = instance;
  return {
    ...{ instanceId, state, keyPrefix, labels: { ...labels }, lastSeen: timestampOf(lastSeen) },
    ...withoutNulls({ appliedSequence, appliedVersion, behindBy, reason, agent }),
  };
}

function setHeaders(context: HandlerContext, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) context.responseHeader.set(name, value);
}
