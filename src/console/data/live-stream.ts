import { WatchService } from "../../../gen/signet/v1/watch_pb.js";
import { createServiceClient } from "../../sdk/authorized-transport.js";
import { watchEnvironments, type EnvironmentsEvent, type EnvironmentTopic } from "../../sdk/watch-environments.js";
import { can } from "./session.js";
import { transport } from "./transport.js";

const client = { watches: createServiceClient(WatchService, transport, null) };

/** Follows what the session's token sees: its organization, or its project. */
export function followEnvironments(
  orgId: string,
  after: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<EnvironmentsEvent, void> {
  const topics: EnvironmentTopic[] = ["fleet"];
  if (can("org:admin")) topics.push("deliveries");
  if (can("audit:read")) topics.push("audit");
  return watchEnvironments(client, { orgId, topics, after, signal });
}
