import { request, type IncomingMessage } from "node:http";

/** A message of a watch of policies, by whatever way it came. */
export interface RawMessage {
  readonly event: string;
  /** `<sequence>.<deployment_id>`, or the sequence alone. */
  readonly id: string;
  /** The policies as they came; empty for another event. */
  readonly text: string;
}

interface Cursor {
  readonly afterSequence?: number;
  readonly afterDeploymentId?: string;
}

type Headers = Readonly<Record<string, string>>;

/** The events of `GET /v1/policies/watch`. Throws an Error with the message of what ends it. */
export async function* openEvents(
  url: string,
  token: string,
  cursor: Cursor,
  signal: AbortSignal,
  headers: Headers = {},
): AsyncGenerator<RawMessage> {
  for await (const block of partsOf(url, token, cursor, signal, { accept: "text/event-stream", ...headers }, "\n\n")) {
    const field = (name: string) => new RegExp(`^${name}: ([^\\n]*)`, "m").exec(block)?.[1] ?? "";
    const [event, data] = [field("event"), field("data")];
    if (event === "error") throw new Error((JSON.parse(data) as { message: string }).message);
    yield { event, id: field("id"), text: event === "policies" ? data : "" };
  }
}

/** The same as lines of JSON. */
export async function* openLines(
  url: string,
  token: string,
  cursor: Cursor,
  signal: AbortSignal,
): AsyncGenerator<RawMessage> {
  for await (const line of partsOf(url, token, cursor, signal, {}, "\n")) {
    const said = JSON.parse(line) as Record<string, unknown> & { error?: { message: string } };
    if (said.error !== undefined) throw new Error(said.error.message);
    const event = ["policies", "nothing_active", "heartbeat"].find((name) => said[name] !== null) ?? "";
    const id = said["deployment_id"] === null ? "" : `.${said["deployment_id"] as string}`;
    // Cut out of the line: parsed and printed again it would be another text.
    const [, text = ""] = /"policies":([^]*),"nothing_active":null/.exec(line) ?? [];
    yield { event, id: `${said["sequence"] as number}${id}`, text: event === "policies" ? text : "" };
  }
}

async function* partsOf(
  url: string,
  token: string,
  { afterSequence = 0, afterDeploymentId = "" }: Cursor,
  signal: AbortSignal,
  headers: Headers,
  separator: string,
): AsyncGenerator<string> {
  const query = `after_sequence=${afterSequence}&after_deployment_id=${afterDeploymentId}`;
  const path = `/v1/policies/watch?${query}`;
  const answer = await opened(`${url}${path}`, { authorization: `Bearer ${token}`, ...headers }, signal);
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of answer) {
    const parts = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split(separator);
    rest = parts.pop() ?? "";
    if (answer.statusCode === 200) yield* parts;
  }
  if (answer.statusCode !== 200) throw new Error((JSON.parse(rest) as { message: string }).message);
}

/** On a connection of its own. */
function opened(url: string, headers: Headers, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers: { ...headers }, signal, agent: false });
    sent.on("response", resolve);
    sent.on("error", reject);
    sent.end();
  });
}
