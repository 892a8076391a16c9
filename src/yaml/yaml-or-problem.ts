import { checkTokens } from "./yaml-bounds.js";
import { INSIST_IN_THE_FILE, YamlError } from "./yaml-error.js";
import { yamlToJson } from "./yaml-json.js";

/** A line of `key: value` has seven, so 256 KiB of ordinary YAML stay below. One to two seconds of parsing at most. */
const MAX_TOKENS = 100_000;

/** The JSON text of a YAML 1.2 document (core schema; see yamlToJson), or why there is none. The parser takes microseconds for each byte. */
export function yamlOrProblem(text: string): { readonly json: string } | { readonly problem: string } {
  try {
    checkTokens(text, MAX_TOKENS);
    return { json: yamlToJson(text) };
  } catch (thrown) {
    if (!(thrown instanceof YamlError)) throw thrown;
    const { problem, line, column, remedy } = thrown;
    const hint = remedy === "insist" ? INSIST_IN_THE_FILE : "";
    return { problem: `line ${line}, column ${column}: ${problem}${hint}` };
  }
}
