import { readFileSync } from "node:fs";

/** One call of an operation, as a server was asked and as it answered. */
export interface Example {
  /** By the name of the parameter: path, query and headers. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly request?: unknown;
  /** JSON, or the text of an answer that is no JSON. */
  readonly response?: unknown;
}

/** Examples by operation id. */
export type Examples = Readonly<Record<string, Example>>;

/** What test/openapi/examples/record.ts wrote: calls of a server that ran. */
export function readExamples(): Examples {
  return JSON.parse(readFileSync(new URL("examples.json", import.meta.url), "utf8")) as Examples;
}
