import type { DescMessage } from "@bufbuild/protobuf";
import { STATUS_CODES } from "node:http";
import { Header } from "../../gen/signet/v1/options_pb.js";
import type { Route } from "../../src/api/rest/routes.js";
import type { Example } from "./examples.js";
import type { Headers } from "./headers.js";
import type { Content, Response, Schema } from "./model.js";
import { responseComment, type Schemas } from "./schemas.js";

/** What a route answers when it went well: its success status, and what else below 400 its operation names. */
export function successResponses(
  route: Route,
  schemas: Schemas,
  headers: Headers,
  example?: Example,
): Record<string, Response> {
  const { operation, spec, responseField } = route;
  const { successStatus, sets } = operation;
  const total = isCountedList(route) ? [Header.X_TOTAL_COUNT] : [];
  const all = headers.ofAnswer([...sets, ...total]);
  const success: Response = {
    description: responseComment(spec.method.output, responseField) || phraseOf(successStatus),
    headers: all,
    ...(successStatus === 204 ? {} : { content: contentOf(route, schemas, example?.response) }),
  };
  const others = operation.answers
    .filter((status) => status < 400)
    .map((status) => [String(status), { description: phraseOf(status), headers: all }] as const);
  return { [String(successStatus)]: success, ...Object.fromEntries(others) };
}

/** A bare array that takes a limit tells how many there are in all (docs/api.md, "Lists"). */
function isCountedList({ responseField, queryFields }: Route): boolean {
  return responseField?.fieldKind === "list" && queryFields.has("limit");
}

function contentOf(route: Route, schemas: Schemas, answer: unknown): Content {
  const { spec, operation, responseField } = route;
  const { output } = spec.method;
  if (operation.mediaType !== "") return { [operation.mediaType]: { schema: { type: "string", format: "binary" } } };
  const schema =
    responseField === undefined ? schemas.ofMessage(output, "response") : schemas.valueOf(responseField, "response");
  if (spec.kind === "unary") return { "application/json": { schema, ...exampleOf(answer) } };
  const { eventDataIsMember } = operation;
  const { data, events } = eventDataIsMember ? lineExamples(answer, output) : streamExamples(answer);
  const members = output.oneofs[0]?.fields ?? [];
  const event = eventDataIsMember ? { anyOf: members.map((field) => schemas.valueOf(field, "response")) } : schema;
  return {
    "application/x-ndjson": {
      schema: streamOf(schema, 'One JSON text a line; a stream that fails ends with a line `{"error": …}`.'),
      ...exampleOf(data),
    },
    "text/event-stream": {
      schema: streamOf(
        event,
        `Server-sent events: each is named after the field that is set, its id is the sequence, its data ${eventDataIsMember ? "the value of that field" : "the JSON"} on one line. ` +
          "A stream that fails ends with `event: error`.",
      ),
      ...exampleOf(events),
    },
  };
}

function exampleOf(example: unknown): { example?: unknown } {
  return example === undefined ? {} : { example };
}

/** An answer that is server-sent events, and the same as lines of JSON. */
function streamExamples(answer: unknown): { readonly data?: string; readonly events?: string } {
  if (typeof answer !== "string") return {};
  const data = [...answer.matchAll(/^data: (.*)$/gm)].map(([, json = ""]) => `${json}\n`).join("");
  return { data, events: answer };
}

/** An answer that is lines of JSON, and the same as events whose data is a member (Operation.event_data_is_member). */
function lineExamples(
  answer: unknown,
  { oneofs: [oneof] }: DescMessage,
): { readonly data?: string; readonly events?: string } {
  if (typeof answer !== "string") return {};
  const lines = answer.split("\n").filter((line) => line !== "");
  const events = lines.flatMap((line) => {
    const said = JSON.parse(line) as Readonly<Record<string, unknown>>;
    const { sequence, deployment_id: deploymentId } = said as { sequence: number; deployment_id: string | null };
    const id = deploymentId === null ? String(sequence) : `${sequence}.${deploymentId}`;
    const member = oneof?.fields.find(({ name }) => said[name] !== null)?.name;
    return member === undefined ? [] : [`event: ${member}\nid: ${id}\ndata: ${JSON.stringify(said[member])}\n\n`];
  });
  return { data: answer, events: events.join("") };
}

/** OpenAPI 3.1 has no word for the parts of a stream: a text, and what each of its messages is. */
function streamOf(message: Schema, description: string): Schema {
  return { type: "string", description, contentMediaType: "application/json", contentSchema: message };
}

function phraseOf(status: number): string {
  return STATUS_CODES[status] ?? `Status ${status}`;
}
