/**
 * The entry of a worker thread that converts one YAML text, its `workerData`, and posts a YamlAnswer: the parser takes microseconds for
 * each byte, too long for the event loop.
 */
import { parentPort, workerData } from "node:worker_threads";
import { INSIST_IN_THE_FILE, YamlError } from "./yaml-error.js";
import { checkTokens } from "./yaml-bounds.js";
import { yamlToJson } from "./yaml-json.js";

/** A line of `key: value` has seven, so 256 KiB of ordinary YAML stay below. One to two seconds of parsing at most. */
const MAX_TOKENS = 100_000;

/** The JSON text, or why the YAML text is refused; line and column count from 1. */
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
