import { invalidField } from "../../core/error.js";
import { yamlOrProblem } from "../../yaml/yaml-or-problem.js";

/**
 * The JSON text of a YAML 1.2 document (core schema; see yamlToJson). For a thread: the parser takes microseconds for each byte.
 *
 * Throws `invalid` about `field`, with line and column from 1, for any other text and for too many tokens.
 */
export function readYaml(field: string, text: string): string {
  const read = yamlOrProblem(text);
  if ("json" in read) return read.json;
  throw invalidField([field], read.problem, "yaml");
}
