/**
 * The entry of a thread that converts one YAML text, its `workerData`, and answers a YamlAnswer: the parser takes microseconds for
 * each byte, which no event loop that others wait for should give.
 */
import { parentPort, workerData } from "node:worker_threads";
import { INSIST_IN_THE_FILE, YamlError } from "./yaml-error.js";
import { checkTokens } from "./yaml-tokens.js";
import { yamlToJson } from "./yaml-json.js";

/** A line of `key: value` has seven, so that 256 KiB of ordinary YAML have fewer. One to two seconds at most. */
const MAX_TOKENS = 100_000;

export type YamlAnswer =
  { readonly json: string } | { readonly problem: string; readonly line: number; readonly column: number };

function answer(text: string): YamlAnswer {
  try {
    checkTokens(text, MAX_TOKENS);
    return { json: yamlToJson(text) };
  } catch (thrown) {
    if (!(thrown instanceof YamlError)) throw thrown;
    const { problem, line, column, remedy } = thrown;
    return { problem: remedy === "insist" ? problem + INSIST_IN_THE_FILE : problem, line, column };
  }
}

parentPort?.postMessage(answer(workerData as string));
