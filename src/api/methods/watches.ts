import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type {
  EnvironmentFleetSchema,
  WatchedEnvironmentSchema,
  WatchEnvironmentsResponseSchema,
  WatchService,
} from "../../../gen/signet/v1/watch_pb.js";
import { formatCursor } from "../../service/watches/environment-state.js";
import type { EnvironmentWatches } from "../../service/watches/environment-watches.js";
import type { EnvironmentFigures, EnvironmentsEvent, WatchTopic } from "../../service/watches/watch-event.js";
import { addressKey } from "../admission/admission-address.js";
import { callOf } from "../admission/call.js";
import type { StreamObserver } from "../admission/stream-observer.js";
import { resumeCursor } from "../http/runtime-headers.js";
import { deploymentMessage } from "./bundles.js";
import { timestampOf, withoutNulls } from "./message-fields.js";
import { environmentMessage } from "./organizations.js";

/** WatchService on the use cases. */
export function createWatchService(services: {
  readonly watches: EnvironmentWatches;
  readonly streams: StreamObserver;
}): ServiceImpl<typeof WatchService> {
  const { watches, streams } = services;
  return {
    async *watchEnvironments({ projectId, topics, after }, context) {
      const { principal, clientAddress } = callOf(context);
      const input = {
        ...{ projectId, after, addressKey: addressKey(clientAddress) },
        // The guard let pass no other text: the rules of the field.
        topics: topics as WatchTopic[],
        lastEvent: resumeCursor(context.requestHeader.get("last-event-id")) ?? null,
      };
      streams.opened(context.protocolName);
      try {
        for await (const event of watches.watch(principal, input, context.signal)) yield messageOf(event);
      } finally {
        streams.closed(context.protocolName);
      }
    },
  };
}

function messageOf(told: EnvironmentsEvent): MessageInitShape<typeof WatchEnvironmentsResponseSchema> {
  return { eventId: told.eventId, event: eventOf(told) };
}

function eventOf(
  told: EnvironmentsEvent,
): NonNullable<MessageInitShape<typeof WatchEnvironmentsResponseSchema>["event"]> {
  switch (told.kind) {
    case "environment":
      return { case: "environment", value: watchedMessage(told) };
    case "environment_deleted": {
      const { id, name, projectId } = told;
      return { case: "environmentDeleted", value: { id, ...withoutNulls({ name, projectId }) } };
    }
    case "project":
    case "project_deleted": {
      const { id, name, slug } = told.project;
      return { case: told.kind === "project" ? "project" : "projectDeleted", value: { id, name, slug } };
    }
    case "current": {
      const { isFull: full, hasProjects: projects, environments } = told;
      return { case: "current", value: { full, projects, environments } };
    }
    case "fleet":
      return { case: "fleet", value: { environments: told.figures.map(figuresMessage) } };
    case "deliveries":
      return { case: "deliveries", value: { webhookIds: [...told.webhookIds] } };
    case "audit": {
      const { id, actor, action, createdAt } = told.event;
      return { case: "audit", value: { id, actor, action, createdAt: timestampOf(createdAt) } };
    }
    case "heartbeat": {
      const { at, currentAt } = told;
      const aged = currentAt === null ? {} : { currentAt: timestampOf(currentAt) };
      return { case: "heartbeat", value: { at: timestampOf(at), ...aged } };
    }
  }
}

function watchedMessage({
  state,
  isActivated,
}: Extract<EnvironmentsEvent, { kind: "environment" }>): MessageInitShape<typeof WatchedEnvironmentSchema> {
  const { project, environment, deployment } = state;
  return {
    ...{ projectId: project.id, project: project.slug, environment: environmentMessage(environment) },
    ...(deployment === null ? {} : { deployment: deploymentMessage(deployment) }),
    ...{ activated: isActivated, cursor: formatCursor(state) },
  };
}

function figuresMessage(figures: EnvironmentFigures): MessageInitShape<typeof EnvironmentFleetSchema> {
  const { environmentId, projectId, environment, live, counts } = figures;
  return { environmentId, projectId, environment, live, ...counts };
}
