import type { PackSource, VerifiedPack } from "../source/environment-pack.js";
import type { Cursor, EnvironmentView } from "./environment-view.js";
import { hasPack } from "./environment-view.js";

/** How the messages of a watch look: server-sent events, or a JSON text a line. */
export type WatchForm = "events" | "lines";

/** What a stream has been sent. Each frame changes it when it is written. */
export interface StreamState {
  cursor: Cursor;
  /** The envelope of the lease; null: none, also for streams that ask for none. */
  lease: string | null;
  /** The version of the newest root; null for a stream that wants none. */
  root: number | null;
  isFirst: boolean;
}

/** One message for a stream, as bytes that all streams of that form share. */
export interface Frame {
  readonly bytes: Buffer;
  /** Called once it is written. */
  sent(state: StreamState): void;
}

/** The messages of a stream, one after the other: each is made of the newest state when the stream can take it. */
export interface WatchFeed {
  /** The next message; null when the stream has all that there is. Rejects with what a document was refused with. */
  next(state: StreamState, form: WatchForm): Promise<Frame | null>;
  /** A heartbeat. */
  heartbeat(state: StreamState, form: WatchForm): Buffer;
}

/** Members of a message in the order of the proto: null for what is unset. Values are JSON texts. */
type Members = readonly (readonly [name: string, json: string])[];

/** The bytes of a message. `data` is what an event carries; a line carries the whole. */
export function frameOf(
  form: WatchForm,
  event: string,
  { sequence, deploymentId }: Cursor,
  whole: string,
  data = whole,
) {
  if (form === "lines") return Buffer.from(`${oneLine(whole)}\n`);
  const id = deploymentId === "" ? String(sequence) : `${sequence}.${deploymentId}`;
  return Buffer.from(`event: ${event}\nid: ${id}\ndata: ${oneLine(data)}\n\n`);
}

/** A JSON object of members whose values are JSON texts already. */
export function objectOf(members: Members): string {
  return `{${members.map(([name, json]) => `"${name}":${json}`).join(",")}}`;
}

/** A text as JSON; null for none. */
export function jsonText(value: string | null): string {
  return value === null ? "null" : JSON.stringify(value);
}

/** The members of a heartbeat. `current_at` is set while the agent has lost its server: its pack may be old since then. */
export function heartbeatJson({ status, proof }: PackSource, attestation: string | null): string {
  const currentAt = status.transport === null ? (proof.issuedAt?.toISOString() ?? null) : null;
  return objectOf([
    ["at", JSON.stringify(new Date().toISOString())],
    ["attestation", attestation ?? "null"],
    ["current_at", jsonText(currentAt)],
  ]);
}

/** The pack that a stream does not have; null when it has it, or there is none. */
export function newPack(view: EnvironmentView, { cursor }: StreamState): VerifiedPack | null {
  const { pack } = view;
  return pack === null || hasPack(cursor, pack) ? null : pack;
}

/** The cursor of a pack. */
export function cursorOf({ sequence, deploymentId }: VerifiedPack): Cursor {
  return { sequence, deploymentId };
}

/** Between the tokens of a JSON text a line break is white space; inside of its strings there can be none (RFC 8259, section 7). */
function oneLine(json: string): string {
  return /[\r\n]/.test(json) ? json.replace(/[\r\n]+/g, " ") : json;
}
