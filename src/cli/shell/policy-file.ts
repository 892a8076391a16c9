import { scanStrictJson } from "../../bundle/strict-json.js";
import { AppError } from "../../core/error.js";
import { INSIST_IN_THE_FILE, YamlError, type YamlRemedy } from "../../yaml/yaml-error.js";
import { yamlToJson } from "../../yaml/yaml-json.js";
import type { YamlOptions } from "../../yaml/json-writer.js";
import { InputError } from "./cli-error.js";
import type { Io } from "./io.js";
import { nameOf, readTextFile } from "./text-files.js";

/** How to read a policy file. */
export interface ReadOptions extends YamlOptions {
  /** Wraps the document in an object, as the value of this key. */
  readonly under?: string;
  /** The options of the command that errors may suggest. */
  readonly offers?: readonly YamlRemedy[];
}

/** What an error suggests, by remedy. */
const WAYS_OUT: Readonly<Record<YamlRemedy, string>> = {
  insist: ", or pass --yaml-1.2 to read it as YAML 1.2",
  expand: ", or pass --expand-anchors",
  under: ": pass --under <key> to wrap it in an object",
};

/** The message of scanStrictJson for malformed JSON, with the position of the first flaw. */
const JSON_FLAW = /^not JSON: ([^]*) \(line (\d+), column (\d+), offset (\d+)\)$/;

/**
 * The JSON text of a policy file, an object: JSON as it is, digit for digit, YAML converted. The file's extension decides; standard
 * input is JSON if it starts with a brace, else YAML. Flaws that JSON.parse would hide, such as duplicate keys, are left to the
 * server, whose error names their path.
 *
 * Throws InputError with file, line and column.
 */
export async function readPolicyFile(file: string, io: Io, options: ReadOptions = {}): Promise<string> {
  return parsePolicyText(await readTextFile(file, io), file, options);
}

/** As readPolicyFile, of a text that was read. */
export function parsePolicyText(text: string, file: string, options: ReadOptions = {}): string {
  const json = isJson(file, text) ? checked(text, file, options) : converted(text, file, options);
  return options.under === undefined ? json : `{${JSON.stringify(options.under)}:${json}}`;
}

function isJson(file: string, text: string): boolean {
  if (file === "-") return /^\s*\{/.test(text);
  if (/\.json$/i.test(file)) return true;
  if (/\.ya?ml$/i.test(file)) return false;
  throw new InputError(`${file}: unknown file type: expected .json, .yaml or .yml, or standard input (-f -)`);
}

function checked(text: string, file: string, { under, offers }: ReadOptions): string {
  try {
    const { kind } = scanStrictJson(text);
    if (kind === "object" || under !== undefined) return text;
    const before = text.slice(0, text.search(/\S/)).split("\n");
    const what = kind === "array" ? "a list" : `a ${kind}`;
    const position = `${nameOf(file)}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
    throw new InputError(`${position}: expected an object, found ${what}${wayOut("under", offers)}`);
  } catch (thrown) {
    const [, problem = "", line, column, offset] =
      thrown instanceof AppError && thrown.code === "malformed" ? (JSON_FLAW.exec(thrown.message) ?? []) : [];
    if (line === undefined) {
      if (thrown instanceof AppError) return text;
      throw thrown;
    }
    const isComment = /^(?:\/[/*]|#)/.test(text.slice(Number(offset)));
    const why = isComment ? "JSON has no comments: remove it" : `not JSON: ${problem}`;
    throw new InputError(`${nameOf(file)}:${line}:${String(column)}: ${why}`, { cause: thrown });
  }
}

function converted(yaml: string, file: string, { under, offers, ...options }: ReadOptions): string {
  try {
    return yamlToJson(yaml, { ...options, rootIsObject: under === undefined });
  } catch (thrown) {
    if (!(thrown instanceof YamlError)) throw thrown;
    const { line, column, problem, remedy } = thrown;
    throw new InputError(`${nameOf(file)}:${line}:${column}: ${problem}${wayOut(remedy, offers)}`, { cause: thrown });
  }
}

function wayOut(remedy: YamlRemedy | undefined, offers: readonly YamlRemedy[] = []): string {
  if (remedy === undefined) return "";
  if (offers.includes(remedy)) return WAYS_OUT[remedy];
  return remedy === "insist" ? INSIST_IN_THE_FILE : "";
}
