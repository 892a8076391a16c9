import type { WatchMessage } from "./driver.js";
import { camelCased, type Message } from "./views.js";

interface ErrorBody {
  readonly status: number;
  readonly message: string;
  readonly detail: unknown;
}

/** One part of a REST watch: a message, or the error that ends it. */
export type StreamPart =
  | { readonly kind: "error"; readonly body: ErrorBody }
  | {
      readonly kind: "message";
      readonly sequence: number;
      /** What an event's id must be. */
      readonly id: string;
      readonly event: WatchMessage["event"];
      /** The member of that name. */
      readonly value: Message;
    };

/** Server-sent events (HTML standard, section 9.2). Throws when id, name and data do not say the same. */
export async function* readEvents(chunks: AsyncIterable<string>): AsyncGenerator<StreamPart> {
  for await (const block of pieces(chunks, "\n\n")) {
    const fields = new Map<string, string>();
    for (const line of block.split("\n")) {
      const colon = line.indexOf(": ");
      fields.set(line.slice(0, colon), line.slice(colon + 2));
    }
    const [event, id, data = ""] = [fields.get("event"), fields.get("id"), fields.get("data")];
    if (event === "error") yield { kind: "error", body: JSON.parse(data) as ErrorBody };
    else {
      const part = messagePart(data);
      if (event !== part.event || id !== part.id) throw new Error(`event ${event}, id ${id}: ${data}`);
      yield part;
    }
  }
}

/** One JSON text a line. */
export async function* readLines(chunks: AsyncIterable<string>): AsyncGenerator<StreamPart> {
  for await (const line of pieces(chunks, "\n")) {
    const value = JSON.parse(line) as object;
    if ("error" in value) yield { kind: "error", body: value.error as ErrorBody };
    else yield messagePart(line);
  }
}

function messagePart(text: string): Extract<StreamPart, { kind: "message" }> {
  const { sequence, deployment_id, ...members } = JSON.parse(text) as Record<WatchMessage["event"], object | null> & {
    sequence: number;
    deployment_id: string | null;
  };
  const names = ["activation", "nothing_active", "heartbeat", "trust_root"] as const;
  const set = names.filter((name) => members[name] !== null);
  const [event] = set;
  // Every field is there, and one of them is not null.
  if (event === undefined || set.length > 1 || names.some((name) => !(name in members))) throw new Error(text);
  const value = camelCased(members[event] ?? {});
  const document = event !== "activation" || value["document"] === null ? {} : { document: rawDocument(text) };
  return {
    kind: "message",
    sequence,
    id: deployment_id === null ? String(sequence) : `${sequence}.${deployment_id}`,
    event,
    value: { ...value, ...document },
  };
}

/** The document's own bytes, between its name and the member that follows. */
function rawDocument(text: string): string {
  const start = text.indexOf('"document":') + '"document":'.length;
  return text.slice(start, text.lastIndexOf(',"attestation":'));
}

async function* pieces(chunks: AsyncIterable<string>, separator: string): AsyncGenerator<string> {
  let text = "";
  for await (const chunk of chunks) {
    const parts = (text + chunk).split(separator);
    text = parts.pop() ?? "";
    yield* parts;
  }
  if (text.trim() !== "") throw new Error(`the stream ended within a message: ${text.slice(0, 200)}`);
}
