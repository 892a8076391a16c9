import { limitSilence } from "../../limit-silence.js";
import { SignetError } from "../../signet-error.js";
import { connectionError, signetError, type Rest } from "./http.js";
import { askWhole } from "./latest.js";
import type { About, Following, Position, Rung } from "./rung.js";
import { readServerEvents, type ServerEvent } from "./server-events.js";
import { newsOf, type WatchMessage } from "./watch-news.js";

/** Follows by server-sent events. Labels are not sent: REST has no field for them; reports have. */
export function createSseRung(rest: Rest, { instanceId, silentMs }: Following): Rung {
  return {
    name: "sse",
    open(position, signal, firstMs) {
      const path = watchPath(position(), instanceId);
      const events = limitSilence((connection) => read(rest, path, connection), silentMs, signal, firstMs);
      return newsOf(events, {
        attestation: async () => await (await askWhole(rest, signal)).attestation(),
        content: async (size) => await (await askWhole(rest, signal)).content(size),
      });
    },
  };
}

function watchPath({ sequence, deploymentId, rootVersion }: Position, instanceId: string): string {
  const query = new URLSearchParams({
    after_sequence: String(sequence),
    after_deployment_id: deploymentId,
    instance_id: instanceId,
    root_version: String(rootVersion),
    content: "true",
  });
  return `/v1/bundles/watch?${query.toString()}`;
}

async function* read(rest: Rest, path: string, signal: AbortSignal): AsyncGenerator<WatchMessage> {
  const answer = await rest.get(path, { Accept: "text/event-stream" }, signal);
  if (!(answer.header("Content-Type") ?? "").startsWith("text/event-stream")) {
    throw new SignetError("unimplemented", "not a Signet server: the answer is no stream of events");
  }
  try {
    for await (const event of readServerEvents(answer.body)) yield* messageOf(event);
  } catch (thrown) {
    throw connectionError(thrown, signal);
  }
}

function* messageOf({ name, data, retryMs }: ServerEvent): Generator<WatchMessage> {
  const value = parsed(data);
  if (name === "error") {
    const said = signetError(value);
    const { code, message, ...details } = said ?? {
      code: "unavailable" as const,
      message: "the stream ended with an error",
    };
    throw new SignetError(code, message, {
      isFromServer: said !== null,
      ...details,
      ...(retryMs === undefined ? {} : { retryAfterSeconds: retryMs / 1000 }),
    });
  }
  const message = value as Readonly<Record<string, Fields | null | undefined>>;
  const { trust_root: root, activation } = message;
  const other = message["heartbeat"] ?? message["nothing_active"];
  if (root) yield { type: "root", version: Number(root["version"]), envelope: JSON.stringify(root["envelope"]) };
  else if (activation) {
    const content = activation["content"];
    const attestation = attestationOf(activation);
    yield {
      type: "activation",
      about: aboutOf(activation),
      attestation,
      content: typeof content === "string" ? content : "",
    };
  } else if (other) yield { type: "other", about: aboutOf(message), attestation: attestationOf(other) };
}

type Fields = Readonly<Record<string, unknown>>;

function parsed(data: string): Fields {
  try {
    const value: unknown = JSON.parse(data);
    if (typeof value === "object" && value !== null) return value as Fields;
  } catch {
    // Below.
  }
  throw new SignetError("unimplemented", "not a Signet server: an event is not JSON");
}

function aboutOf(fields: Fields): About {
  const { sequence, deployment_id: deploymentId } = fields;
  return { sequence: Number(sequence), deploymentId: typeof deploymentId === "string" ? deploymentId : "" };
}

/** The payloads of envelopes are texts in it: parsing changes none of what is signed. */
function attestationOf({ attestation }: Fields): string | null {
  return attestation == null ? null : JSON.stringify(attestation);
}
