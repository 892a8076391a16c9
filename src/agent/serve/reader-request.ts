import type { IncomingMessage } from "node:http";
import type { Cursor } from "./environment-view.js";
import { Refusal } from "./local-answer.js";

/** A path of the agent, taken apart. */
export interface ReaderPath {
  /** From `/v1/` on, or `/healthz` and the like. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Takes the target of a request apart. */
export function readerPath(url: string | undefined): ReaderPath {
  const [path = "/", ...query] = (url ?? "/").split("?");
  return { path, query: new URLSearchParams(query.join("?")) };
}

/**
 * The cursor of a reader, from its query.
 *
 * @throws Refusal 422
 */
export function cursorIn(query: URLSearchParams): Cursor {
  const deploymentId = query.get("after_deployment_id") ?? "";
  if (deploymentId.length > 64) throw invalid("after_deployment_id", "at most 64 characters");
  return { sequence: numberIn(query, "after_sequence"), deploymentId };
}

/** The cursor of a watch: Last-Event-ID, with which an EventSource reconnects, or else its query. Throws as cursorIn does. */
export function resumeCursor(request: IncomingMessage, query: URLSearchParams): Cursor {
  const header = String(request.headers["last-event-id"] ?? "");
  if (header === "") return cursorIn(query);
  const [, sequence, deploymentId = ""] = /^(\d{1,10})(?:\.([0-9A-Za-z-]{1,64}))?$/.exec(header) ?? [];
  if (sequence === undefined) throw invalid("Last-Event-ID", "a sequence, or <sequence>.<deployment_id>");
  return { sequence: Number(sequence), deploymentId };
}

/** A number in the query; 0 without one. Throws as cursorIn does. */
export function numberIn(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? "0";
  if (!/^\d{1,10}$/.test(text)) throw invalid(name, "an integer from 0 on");
  return Number(text);
}

/** A switch in the query; false without one. Throws as cursorIn does. */
export function flagIn(query: URLSearchParams, name: string): boolean {
  const text = query.get(name) ?? "false";
  if (text !== "true" && text !== "false") throw invalid(name, "true or false");
  return text === "true";
}

function invalid(name: string, rule: string): Refusal {
  return new Refusal(422, null, `${name} must be ${rule}`);
}
