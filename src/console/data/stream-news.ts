import type { EnvironmentsEvent } from "../../sdk/watch-environments.js";
import type { EnvironmentNews } from "./environment-news.js";
import type { Topic } from "./topics.js";

/** An event of the stream, as the tabs of a browser take it. */
export interface StreamNews {
  readonly kind: "reconnecting" | "current" | "audit" | "other";
  readonly topics: readonly Topic[];
  readonly news?: EnvironmentNews;
  /** When the newest of what it tells happened, in milliseconds since 1970; 0 when it does not say. */
  readonly newestMs: number;
}

/** What an event is to the tabs. */
export function streamNewsOf(event: EnvironmentsEvent): StreamNews {
  const topics = topicsOf(event);
  const newestMs = newestOf(event);
  switch (event.type) {
    case "environment":
      return { kind: "other", topics, news: { kind: "state", value: event.value }, newestMs };
    case "environment_deleted":
      return { kind: "other", topics, news: { kind: "gone", id: event.value.id }, newestMs };
    case "fleet":
      // Figures have no time: a screen that has read others is told.
      return { kind: "other", topics, news: { kind: "fleet", value: event.value.environments }, newestMs: Infinity };
    case "reconnecting":
    case "current":
    case "audit":
      return { kind: event.type, topics, newestMs };
    case "project":
    case "project_deleted":
    case "deliveries":
    case "heartbeat":
      return { kind: "other", topics, newestMs };
  }
}

function newestOf(event: EnvironmentsEvent): number {
  if (event.type !== "audit" && event.type !== "environment") return 0;
  const { environment, deployment } = event.type === "environment" ? event.value : {};
  const audited = event.type === "audit" ? event.value.createdAt : undefined;
  const times = [audited, environment?.createdAt, environment?.hold?.since, deployment?.at];
  return Math.max(...times.map((at) => Number(at?.seconds ?? 0) * 1_000));
}

/** The topics that an event is of. */
function topicsOf(event: EnvironmentsEvent): readonly Topic[] {
  switch (event.type) {
    case "environment":
      return event.value.activated ? ["activations", "environments"] : ["environments"];
    case "environment_deleted":
    case "project":
    case "project_deleted":
      return ["environments"];
    case "fleet":
    case "deliveries":
    case "audit":
      return [event.type];
    case "current":
    case "heartbeat":
    case "reconnecting":
      return [];
  }
}
