import type { Examples } from "./examples.js";
import type { Headers } from "./headers.js";
import type { Operation, Parameter, PathItem, Reference, Response } from "./model.js";

/** The one tag that is no service. */
export const HEALTH_TAG = { name: "Health", description: "For load balancers and monitors: no token, no rate limit." };

/** What src/api/http/probes.ts answers: the only calls that are not in the proto. */
export function probePaths(headers: Headers, examples: Examples = {}): Record<string, PathItem> {
  const answer = (
    description: string,
    status: readonly string[],
    more: object = {},
    sometimes: readonly string[] = [],
    example: unknown = undefined,
  ): Response => {
    const always = { status: { type: "string", enum: status }, ...more };
    const properties = { ...always, ...Object.fromEntries(sometimes.map((name) => [name, { type: "string" }])) };
    const schema = { type: "object", properties, required: Object.keys(always) };
    return {
      description,
      headers: headers.ofProbe(),
      content: { "application/json": { schema, ...(example === undefined ? {} : { example }) } },
    };
  };
  const probe = (
    operationId: string,
    summary: string,
    responses: Record<string, Response | Reference>,
    parameters: readonly Parameter[] = [],
  ): Operation => ({
    operationId,
    summary,
    description: "Anybody may call it.",
    tags: [HEALTH_TAG.name],
    security: [],
    ...(parameters.length === 0 ? {} : { parameters }),
    responses,
  });
  const exclude: Parameter = {
    name: "exclude",
    in: "query",
    description: "`database`: tells only whether the process takes requests, and does not ask the database.",
    schema: { type: "string", enum: ["database"] },
  };
  return {
    "/healthz": {
      get: probe("getHealth", "Tells that the process runs, and its version", {
        "200": answer("It runs.", ["ok"], { version: { type: "string" } }, [], examples["getHealth"]?.response),
      }),
    },
    "/readyz": {
      get: probe(
        "getReadiness",
        "Tells whether requests can be served now",
        {
          "200": answer(
            "They can; `read_only`: all but changes, and `reason` says why.",
            ["ok", "read_only"],
            {},
            ["reason"],
            examples["getReadiness"]?.response,
          ),
          "422": { $ref: "#/components/responses/UnprocessableContent" },
          "503": answer("Not now: starting, shutting down, or the database does not answer.", ["unavailable"], {}, [], {
            status: "unavailable",
          }),
        },
        [exclude],
      ),
    },
  };
}
